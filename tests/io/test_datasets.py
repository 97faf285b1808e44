"""Finding images, and the labels that belong to them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from micrographia.arrays.errors import InputError
from micrographia.io import Item, dataset, find_images, image_stem, write


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def names(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a.tif", "a"), ("a.b.tif", "a.b"), ("a.ome.tif", "a"), ("A.OME.TIFF", "A"), ("x/a.ome.zarr", "a"),
        ("a.zarr", "a"), (".ome.tif", ".ome"), ("a", "a"), ("a.xyz", "a"), ("Zelle ü.png", "Zelle ü"),
    ],
)  # fmt: skip
def test_stem(name: str, stem: str) -> None:
    assert image_stem(name) == stem


class TestFindImages:
    def test_folder(self, tmp_path: Path) -> None:
        touch(tmp_path, "a10.tif", "a2.TIF", "b.png", ".hidden.tif", "notes.txt", "sub/c.tif", "Thumbs.db", "d é f.npy")
        write(tmp_path / "z.ome.zarr", np.zeros((4, 5), np.uint8))
        (tmp_path / "empty.zarr").mkdir()
        assert names(find_images(tmp_path)) == ["a2.TIF", "a10.tif", "b.png", "d é f.npy", "z.ome.zarr"]
        assert find_images(tmp_path / "z.ome.zarr") == [tmp_path / "z.ome.zarr"]

    def test_our_own_results_are_no_input(self, tmp_path: Path) -> None:
        touch(tmp_path, "a.tif", "a_labels.tif", "a_overlay.png", "other_labels.tif")
        assert names(find_images(tmp_path)) == ["a.tif", "other_labels.tif"]
        assert names(find_images(tmp_path / "a_labels.tif")) == ["a_labels.tif"]  # asked for outright
        assert names(find_images(str(tmp_path / "*.tif"))) == ["a.tif", "other_labels.tif"]
        assert names(find_images(str(tmp_path / "*_labels.tif"))) == ["a_labels.tif", "other_labels.tif"]
        assert "a_labels.tif" in names(find_images(str(tmp_path / "*.tif"), results=True))

    def test_patterns_and_repetitions(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        touch(tmp_path, "a1.tif", "a2.tif", "b.tif", "a3.txt", "deep/down/c.tif", "odd[1].tif")
        found = find_images([tmp_path / "b.tif", str(tmp_path / "a*"), tmp_path / "a1.tif"])
        assert names(found) == ["b.tif", "a1.tif", "a2.tif"]
        assert names(find_images(str(tmp_path / "**" / "c.tif"))) == ["c.tif"]
        assert names(find_images(tmp_path / "odd[1].tif")) == ["odd[1].tif"]
        monkeypatch.chdir(tmp_path)
        assert names(find_images(["a1.tif", tmp_path / "a1.tif"])) == ["a1.tif"]

    def test_a_file_named_outright_is_taken(self, tmp_path: Path) -> None:
        touch(tmp_path, "notes.txt")
        assert names(find_images(tmp_path / "notes.txt")) == ["notes.txt"]

    def test_problems(self, tmp_path: Path) -> None:
        touch(tmp_path, "ok/a.tif", "none/notes.txt")
        (tmp_path / "empty.zarr").mkdir()
        cases = {
            "missing.tif": "does not exist",
            "none": "holds no image",
            "*.xyz": "No image matches",
            "empty.zarr": "empty or damaged",
        }
        for name, match in cases.items():
            with pytest.raises(InputError, match=match):
                find_images(tmp_path / name)
        errors: list[InputError] = []
        found = find_images([*(tmp_path / name for name in cases), tmp_path / "ok"], errors=errors)
        assert names(found) == ["a.tif"]
        assert len(errors) == 4


class TestDataset:
    def test_matched_by_name_never_by_order(self, tmp_path: Path) -> None:
        touch(tmp_path, "i/b.png", "i/a.ome.tif", "i/c.tif", "l/c_mask.png", "l/a.tif", "l/b_labels.tif")
        found = dataset(tmp_path / "i", tmp_path / "l")
        assert [(item.image.name, item.label.name) for item in found if item.label] == [
            ("a.ome.tif", "a.tif"), ("b.png", "b_labels.tif"), ("c.tif", "c_mask.png"),
        ]  # fmt: skip
        assert len(found[1:]) == 2
        assert found[0] == Item(tmp_path / "i/a.ome.tif", tmp_path / "l/a.tif")

    def test_whole_folder(self, tmp_path: Path) -> None:
        touch(tmp_path, "images/a.tif", "labels/a.tif")
        assert dataset(tmp_path)[0].label == tmp_path / "labels/a.tif"
        touch(tmp_path, "plain/a.tif")
        assert dataset(tmp_path / "plain")[0].label is None
        assert len(dataset([tmp_path / "plain/a.tif"])) == 1

    def test_one_folder_for_both(self, tmp_path: Path) -> None:
        touch(tmp_path, "a.tif", "a_labels.tif", "b.png", "b_mask.png")
        pairs = [(item.image.name, item.label.name) for item in dataset(tmp_path, tmp_path) if item.label]
        assert pairs == [("a.tif", "a_labels.tif"), ("b.png", "b_mask.png")]

    def test_labels_among_our_other_results(self, tmp_path: Path) -> None:
        touch(tmp_path, "images/a.tif", "results/a_labels.tif", "results/a_overlay.png", "results/a_uncertainty.tif")
        assert [item.label for item in dataset(tmp_path / "images", tmp_path / "results")] == [
            tmp_path / "results" / "a_labels.tif"
        ]

    def test_objects_classes_and_strokes_beside_each_other(self, tmp_path: Path) -> None:
        touch(tmp_path, "i/a.tif", "r/a_classes.tif", "r/a_labels.tif", "r/a_probabilities.tif")
        assert dataset(tmp_path / "i", tmp_path / "r")[0].label == tmp_path / "r" / "a_labels.tif"
        touch(tmp_path, "i/a_strokes.png", "i/a_labels.tif", "i/a_classes.tif")
        assert names(find_images(tmp_path / "i")) == ["a.tif"]
        assert dataset(tmp_path / "i", tmp_path / "i")[0].label == tmp_path / "i" / "a_labels.tif"
        assert dataset(tmp_path / "i", tmp_path / "i", strokes=True)[0].label == tmp_path / "i" / "a_strokes.png"
        (tmp_path / "r" / "a_labels.tif").unlink()
        assert dataset(tmp_path / "i", tmp_path / "r")[0].label == tmp_path / "r" / "a_classes.tif"

    def test_labels_of_some_images_only(self, tmp_path: Path) -> None:
        touch(tmp_path, "i/a.tif", "i/b.tif", "l/b.tif", "none/c.tif")
        (tmp_path / "t.csv").write_text("image,label\ni/a.tif,\ni/b.tif,l/b.tif\n")
        for found in (
            dataset(tmp_path / "i", tmp_path / "l", strokes=True),
            dataset(tmp_path / "t.csv", strokes=True),
        ):
            assert [item.image.name for item in found] == ["b.tif"]
            assert names([*found.unlabelled]) == ["a.tif"] and found.numbers == (2,)
        with pytest.raises(InputError, match="no image for the labels c.tif"):
            dataset(tmp_path / "i", tmp_path / "none", strokes=True)

    def test_what_has_no_partner_is_left_out_and_named(self, tmp_path: Path) -> None:
        touch(tmp_path, "i/a.tif", "i/b.tif", "l/b.tif", "l/c.tif")
        with pytest.raises(InputError, match="no image for the labels c.tif"):
            dataset(tmp_path / "i", tmp_path / "l", strokes=True)
        found = dataset(tmp_path / "i", tmp_path / "l", some=True)
        assert [item.image.name for item in found] == ["b.tif"]
        assert (names([*found.unlabelled]), names([*found.imageless])) == (["a.tif"], ["c.tif"])
        # Where one image is named, the labels of all others were not asked for.
        found = dataset(tmp_path / "i/b.tif", tmp_path / "l", some=True)
        assert (len(found), found.unlabelled, found.imageless) == (1, (), ())
        (tmp_path / "l/b.tif").unlink()
        with pytest.raises(InputError, match="no labels for a.tif, b.tif; no image for the labels c.tif"):
            dataset(tmp_path / "i", tmp_path / "l", some=True)

    @pytest.mark.parametrize(
        ("files", "match"),
        [
            (["i/a.tif", "i/b.tif", "l/a.tif"], r"no labels for b\.tif"),
            (["i/a.tif", "l/a.tif", "l/z.tif"], r"no image for the labels z\.tif"),
            (["i/a.tif", "l/b.tif"], r"no labels for a\.tif; no image for the labels b\.tif"),
            (["i/a.tif", "i/a.png", "l/a.tif"], "two images of the same name"),
            (["i/a.tif", "l/a.tif", "l/a_mask.tif"], "both labels of"),
            (["i/a.tif", "l/notes.txt"], "holds no image"),
            ([*(f"i/{n}.tif" for n in range(9)), "l/0.tif"], "and 3 more"),
        ],
    )
    def test_unmatched(self, tmp_path: Path, files: list[str], match: str) -> None:
        touch(tmp_path, *files)
        with pytest.raises(InputError, match=match):
            dataset(tmp_path / "i", tmp_path / "l")

    def test_real_folders(self, data_dir: Path) -> None:
        if not (data_dir / "dsb2018/dev").is_dir():
            pytest.skip("dsb2018 is not among the real data")
        found = dataset(data_dir / "dsb2018/dev")
        assert len(found) == 60
        assert all(item.label is not None and item.label.stem == item.image.stem for item in found)


class TestTable:
    def table(self, folder: Path, text: str, encoding: str = "utf-8") -> Path:
        (folder / "list.csv").write_text(text, encoding=encoding)
        return folder / "list.csv"

    def test_groups(self, tmp_path: Path) -> None:
        touch(tmp_path, "i/a 1.tif", "i/b.tif", "l/x.tif")
        text = "image,label,plate,well\n i/a 1.tif ,l/x.tif,P1,A01\ni/b.tif,,P2,\n"
        found = dataset(self.table(tmp_path, text, "utf-8-sig"))
        assert found[0] == Item(tmp_path / "i/a 1.tif", tmp_path / "l/x.tif", {"plate": "P1", "well": "A01"})
        assert found[1] == Item(tmp_path / "i/b.tif", None, {"plate": "P2"})
        assert found.group_names == ("plate", "well")
        assert found.groups("well") == ["A01", ""]

    def test_semicolons_and_absolute_paths(self, tmp_path: Path) -> None:
        touch(tmp_path, "a.tif")
        assert len(dataset(self.table(tmp_path, f"plate;image\n1;{tmp_path / 'a.tif'}\n"))) == 1

    def test_what_divides_the_columns_is_seen_as_in_other_tables(self, tmp_path: Path) -> None:
        touch(tmp_path, "a.tif")
        for text in ("sep=;\nimage;well, row\na.tif;A01\n", "image;well, row\na.tif;A01\n"):
            assert dataset(self.table(tmp_path, text, "utf-8-sig"))[0].groups == {"well, row": "A01"}
        with pytest.raises(InputError, match="line 3: gone.tif does not exist"):
            dataset(self.table(tmp_path, "sep=,\nimage,well\ngone.tif,A01\n"))

    @pytest.mark.parametrize(
        ("text", "match"),
        [
            ("file,label\na.tif,b.tif\n", "no column 'image'"),
            ("", "no column 'image'"),
            ("image\n", "lists no images"),
            ("image\nmissing.tif\n", r"line 2: missing\.tif does not exist"),
            ("image,label\na.tif,gone.tif\n", r"line 2: gone\.tif does not exist"),
            ("image\na.tif\na.tif\n", "line 3: a.tif is listed already in line 2"),
            ("image,well\n,A1\n", "line 2: the column 'image' is empty"),
        ],
    )
    def test_problems(self, tmp_path: Path, text: str, match: str) -> None:
        touch(tmp_path, "a.tif")
        with pytest.raises(InputError, match=match):
            dataset(self.table(tmp_path, text))

    def test_no_table(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="does not exist"):
            dataset(tmp_path / "list.csv")
        path = self.table(tmp_path, "image\nü.tif\n", "latin-1")
        with pytest.raises(InputError, match="UTF-8"):
            dataset(path)
        with pytest.raises(InputError, match="names the labels itself"):
            dataset(path, tmp_path)


def test_importing_the_room_is_cheap() -> None:
    import subprocess
    import sys

    heavy = ["numpy", "tifffile", "zarr", "pandas", "imagecodecs", "roifile", "PIL"]
    code = f"import sys, micrographia.io; print(*(name for name in {heavy} if name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert done.stdout.split() in ([], ["numpy"])


def test_no_image_is_its_own_labels(tmp_path):
    for name in ("a.tif", "a_labels.tif", "b.tif", "b_labels.tif"):
        write(tmp_path / name, np.ones((4, 4), np.int32))
    pattern = str(tmp_path / "*.tif")
    for images, labels in ((tmp_path, pattern), (pattern, tmp_path), (pattern, pattern)):
        found = dataset(images, labels)
        assert all(item.label.name == f"{item.image.stem}_labels.tif" for item in found), (images, labels)
    with pytest.raises(InputError, match="these are the images themselves"):
        dataset(tmp_path / "a.tif", [tmp_path / "a.tif"])
