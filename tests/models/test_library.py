"""Import, list, find and export."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from tiny_onnx import smoother, write_smoother

from micrographia.arrays.errors import InputError, RequestError
from micrographia.models import archive
from micrographia.models import library as lib
from micrographia.models.package import open_package
from micrographia.models.verify import test_model as run_test
from micrographia.models.write import write_arrays_package


def test_somebody_elses_model(broad: Path, library: Path, tmp_path: Path) -> None:
    """``unet2d_nuclei_broad`` imports as a folder and as a zip, and reproduces its own test output."""
    path = lib.import_model(broad)
    assert path == library / "unet-2d-nuclei-broad.zip"
    assert run_test(path).differences["probability"] < 1e-5
    zipped = tmp_path / "mit Lücke ü.zip"
    with zipfile.ZipFile(zipped, "w") as z:
        for file in broad.iterdir():
            z.write(file, file.name)
    again = lib.import_model(zipped, "broad")
    assert again.read_bytes() == zipped.read_bytes()
    report = run_test(lib.find_model("broad"))
    assert report.passed and report.differences["probability"] < 1e-5
    assert [e.name for e in lib.list_models() if not e.builtin] == ["broad", "unet-2d-nuclei-broad"]
    with pytest.raises(RequestError, match="already"):
        lib.import_model(broad)
    lib.import_model(broad, force=True)


def test_find(library: Path, smoother_zip: Path, tmp_path: Path) -> None:
    assert lib.find_model(smoother_zip) == smoother_zip
    with pytest.raises(RequestError, match="There is no model 'smooth'"):
        lib.find_model("smooth")
    with pytest.raises(InputError, match="no such model file"):
        lib.find_model(tmp_path / "missing.zip")
    path = lib.import_model(smoother_zip, "smooth")
    assert lib.find_model("smooth") == path
    with pytest.raises(RequestError, match="Models at hand: .*smooth"):
        lib.find_model("other")


def test_builtin_models_keep_their_names(
    library: Path, smoother_zip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lib, "BUILTIN", tmp_path / "builtin")
    archive.copy(smoother_zip, tmp_path / "builtin" / "nuclei.zip")
    archive.copy(smoother_zip, library / "nuclei.zip")
    assert [(e.name, e.builtin) for e in lib.list_models()] == [("nuclei", True)]
    assert lib.find_model("nuclei").parent == tmp_path / "builtin"
    with pytest.raises(RequestError, match="built-in"):
        lib.import_model(smoother_zip, "nuclei", force=True)


def test_export(library: Path, smoother_zip: Path, tmp_path: Path) -> None:
    lib.import_model(smoother_zip, "smooth")
    out = lib.export_model("smooth", tmp_path)
    assert out == tmp_path / "smooth.zip" and out.read_bytes() == smoother_zip.read_bytes()
    with pytest.raises(RequestError, match="exists already"):
        lib.export_model("smooth", out)
    assert lib.export_model("smooth", out, force=True) == out
    with pytest.raises(RequestError, match="ends in .zip"):
        lib.export_model("smooth", tmp_path / "a.tif")
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(InputError, match="cannot be written"):
        lib.export_model("smooth", blocked / "a.zip")


def test_import_refuses(library: Path, smoother_zip: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.zip"
    bad.write_text("no")
    with pytest.raises(InputError, match="not a model package"):
        lib.import_model(bad)
    for name in ("a/b", "..", ".hidden", "a b"):
        with pytest.raises(RequestError, match="cannot be named"):
            lib.import_model(smoother_zip, name)
    wrong = tmp_path / "wrong.zip"
    files = {n: archive.read(smoother_zip, n) for n in archive.names(smoother_zip) if n != "manifest.json"}
    files["rdf.yaml"] = b"\n".join(line for line in files["rdf.yaml"].split(b"\n") if b"sha256" not in line)
    archive.write(wrong, files | {"weights.onnx": smoother(seed=5)})
    with pytest.raises(InputError, match="does not reproduce its own test"):
        lib.import_model(wrong)
    assert not library.exists() or not list(library.iterdir())
    assert lib.import_model(wrong, force=True).exists()


def test_import_a_model_that_points_to_the_internet(library: Path, smoother_zip: Path, tmp_path: Path) -> None:
    """Pictures and test tensors may be elsewhere; they are not fetched."""
    path = tmp_path / "a.zip"
    files = {n: archive.read(smoother_zip, n) for n in archive.names(smoother_zip) if n != "manifest.json"}
    lines = [line for line in files["rdf.yaml"].decode().splitlines() if "sha256" not in line]
    rdf = "\n".join(lines).replace("source: test_input_raw.npy", "source: https://example.invalid/test.npy")
    rdf = rdf.replace("format_version: 0.5.", "format_version: 0.5.9")
    archive.write(
        path, files | {"rdf.yaml": (rdf + "\ncovers:\n- source: https://example.invalid/cover.png\n").encode()}
    )
    package = open_package(lib.import_model(path))
    assert not package.has_tests
    with pytest.raises(InputError, match="holds no test tensor for 'raw'"):
        run_test(package)


@pytest.mark.parametrize("name", ["rdf.yaml", "bioimageio.yaml"])
def test_import_a_folder(library: Path, smoother_zip: Path, tmp_path: Path, name: str) -> None:
    """A folder of an unpacked model is packed; the description alone is a part of it."""
    folder = tmp_path / "unpacked"
    folder.mkdir()
    for file in archive.names(smoother_zip):
        if file != "manifest.json":
            (folder / (name if file == "rdf.yaml" else file)).write_bytes(archive.read(smoother_zip, file))
    with pytest.raises(InputError, match="a part of a model package; name its folder, .*unpacked"):
        lib.import_model(folder / name)
    path = lib.import_model(folder)
    assert path.suffix == ".zip" and run_test(path).passed


def test_import_arrays(library: Path, tmp_path: Path) -> None:
    import numpy as np

    package = write_arrays_package(tmp_path / "a.zip", method="forest", parameters={}, arrays={"a": np.zeros(2)})
    assert open_package(lib.import_model(package.path)).kind == "arrays"


def test_the_user_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MICROGRAPHIA_MODELS", raising=False)
    assert lib.user_folder().name == "models"
    assert "micrographia" in str(lib.user_folder())


def test_nothing_half_written(library: Path, smoother_zip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(InputError, match="No space left"):
        lib.import_model(smoother_zip, "smooth")
    assert list(library.iterdir()) == []


def test_writing_over_a_package_keeps_it_whole(tmp_path: Path) -> None:
    path = write_smoother(tmp_path / "a.zip").path
    with pytest.raises(InputError):
        write_smoother(path, name="x")
    assert open_package(path).name == "Tiny smoother"
