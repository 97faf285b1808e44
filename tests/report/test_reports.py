"""Reports are one complete HTML file: everything shown, nothing loaded, nothing a file name could break."""

from html.parser import HTMLParser

import numpy as np
import pytest

from micrographia.arrays.errors import InputError
from micrographia.classify.objects.cross_validation import CrossValidation
from micrographia.io.writing import write
from micrographia.metrics.classification import evaluate_classes
from micrographia.metrics.instances import evaluate_instances
from micrographia.report import run_report
from micrographia.report.classification_report import classification_numbers, write_classification_report
from micrographia.report.comparison_report import Compared, write_comparison
from micrographia.report.evaluation_report import write_evaluation_report
from micrographia.report.run_report import FailedImage, ImageResult, write_run_report

EVIL = "\"><script>alert(1)</script>'{{ 7 * 7 }}.tif"
VOID = {"meta", "img", "br", "link", "input"}


class Page(HTMLParser):
    """Elements and texts of a page; complains about elements that are not closed in order."""

    def __init__(self, path):
        super().__init__()
        self.elements, self.text, self._open = [], "", []
        self.feed(path.read_text(encoding="utf-8"))
        assert not self._open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if not self._open or self._open[-1] not in ("style", "script"):
            self.text += data

    def all(self, tag, **wanted):
        return [a for t, a in self.elements if t == tag and all(a.get(k) == v for k, v in wanted.items())]

    def check(self):
        """Self-contained and safe."""
        for _, attributes in self.elements:
            assert not any(name.startswith("on") for name in attributes)
            for name in ("src", "href"):
                address = attributes.get(name)
                assert address is None or address.startswith(("data:image/", "./"))
        assert len(self.all("script")) == 1
        assert "default-src 'none'" in self.all("meta", **{"http-equiv": "Content-Security-Policy"})[0]["content"]
        return self


def overlay_picture(shade=100):
    return np.full((60, 80, 3), shade, np.uint8)


def test_run_report(tmp_path):
    write(tmp_path / "a b_overlay.png", overlay_picture(), axes="YXS")
    images = [
        ImageResult(
            source="/data/a b.tif",
            name="a b",
            objects=1234,
            diameters=[10, 12, 14],
            pixel_size=0.5,
            files=["a b_labels.tif", "a b_objects.csv", "a b_overlay.png"],
            shape=(60, 80),
            axes="YX",
            kind="fluorescence",
            warnings=["Saturated: 3% of the object pixels."],
            notes=["Pixel size assumed."],
            fingerprint="0123abcd",
            seconds=1.5,
        ),
        ImageResult("/data/c.tif", "c", 0, overlay=overlay_picture(), warnings=["Nothing was found."]),
    ]
    failures = [FailedImage("/data/d.tif", "d.tif is empty.", "Traceback")]
    command = "micrographia segment /data -o out"
    path = write_run_report(
        tmp_path / "report.html",
        images,
        failures,
        settings={"model": "nuclei", "rois": True, "z": None},
        command=command,
    )
    page = Page(path).check()
    for text in (
        *(
            "1,234",
            "a b",
            "12",
            "6",
            "µm",
            "Saturated: 3%",
            "Pixel size assumed.",
            "Nothing was found.",
            "fluorescence",
        ),
        *(
            "d.tif is empty.",
            "Traceback",
            command,
            "nuclei",
            "yes",
            "not set",
            "0123abcd",
            "numpy",
            "60 × 80 YX",
            "fluorescence",
        ),
    ):
        assert text in page.text, text
    assert len(page.all("img")) == 2
    assert {a["href"] for a in page.all("a")} >= {"./a%20b_labels.tif", "./a%20b_overlay.png"}
    assert page.text.count("equivalent diameter of all objects") == 2
    assert not list(tmp_path.glob(".*"))


def test_results_as_they_come_back_from_json(tmp_path):
    outcome = {
        "source": "x.tif",
        "name": "x",
        "objects": 2,
        "diameters": [3.0, 4.0],
        "files": ["x_overlay.png"],
        "later": 1,
    }
    page = Page(write_run_report(tmp_path / "r.html", [outcome], [{"source": "", "problem": "missing"}])).check()
    assert "missing" in page.text and not page.all("img")


def test_file_names_cannot_become_markup(tmp_path):
    images = [
        ImageResult(EVIL, EVIL, 1, [5], files=[f"{EVIL}_labels.tif", "javascript:alert(1)"], kind=EVIL, warnings=[EVIL],
                    notes=[EVIL], fingerprint=EVIL, overlay=overlay_picture())
    ]  # fmt: skip
    path = write_run_report(
        tmp_path / "r.html", images, [FailedImage(EVIL, EVIL, EVIL)], settings={EVIL: EVIL}, command=EVIL, title=EVIL
    )
    page = Page(path).check()
    assert page.text.count(EVIL) >= 10
    assert "<script>alert" not in path.read_text(encoding="utf-8")


def test_names_that_are_no_valid_text(tmp_path):
    name = b"caf\xe9.tif".decode("utf-8", "surrogateescape")
    page = Page(write_run_report(tmp_path / "r.html", [ImageResult(name, name, 0, files=[name])])).check()
    assert page.all("a")[0]["href"] == "./caf%E9.tif"


def test_nothing_finished(tmp_path):
    page = Page(write_run_report(tmp_path / "r.html", [], [FailedImage("a.tif", "broken")])).check()
    assert "broken" in page.text and not page.all("table", **{"class": "sortable"})


def test_many_images_keep_the_page_small(tmp_path, monkeypatch):
    monkeypatch.setattr(run_report, "_SIZES", ((5, 300), (20, 100)))
    picture = np.random.default_rng(0).integers(0, 255, (300, 400, 3)).astype(np.uint8)
    images = [ImageResult(f"{i}.tif", f"{i}", i, [8.0] * 3, overlay=picture) for i in range(46)]
    images += [ImageResult("w.tif", "w", 0, overlay=picture, warnings=["Look at me."])]
    few = write_run_report(tmp_path / "few.html", images[:5])
    many = write_run_report(tmp_path / "many.html", images)
    page = Page(many).check()
    assert len(page.all("img")) == 20
    assert page.all("img", alt="Outlines of the objects found in w")
    assert many.stat().st_size < 2 * few.stat().st_size
    assert "27 images without warnings have no picture" in page.text


def test_unwritable_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="could not be written"):
        write_run_report(tmp_path / "file" / "r.html", [])


def field(*objects, shape=(40, 60)):
    labels = np.zeros(shape, int)
    for i, (y, x) in enumerate(objects, 1):
        labels[y : y + 8, x : x + 8] = i
    return labels


@pytest.fixture
def cases():
    truth = field((2, 2), (20, 20), (20, 40))
    image = np.random.default_rng(0).random(truth.shape)
    return {
        "perfect": (image, truth, truth),
        EVIL: (image, truth, field((2, 2), (30, 50))),
        "empty": (np.zeros(truth.shape), field(), field()),
    }


def test_evaluation_report(tmp_path, cases):
    groups = [{"kind": "a", "plate": "P<1>"}, {"kind": "b", "plate": "P2"}, {"kind": "b", "plate": "P2"}]
    result = evaluate_instances([c[1:] for c in cases.values()], names=list(cases), groups=groups)
    worst = {name: cases[name] for name in result.worst(2)}
    assert list(worst)[0] == EVIL
    path = write_evaluation_report(
        tmp_path / "report.html",
        result,
        worst,
        settings={"model": "nuclei"},
        command="micrographia evaluate",
        title="Check",
    )
    page = Page(path).check()
    assert len(page.all("img")) == 2
    assert page.text.count(EVIL) == 2
    for text in ("By kind", "By plate", "P<1>", f"{(1 + 0.25 + 1) / 3:.3f}", "1 false positive", "2 missed", "Check",
                 "intervals", "IoU threshold", "kind: a", "micrographia evaluate"):  # fmt: skip
        assert text in page.text, text
    assert len(page.all("polyline")) == 1 + 2 + 4


def test_what_is_not_known_is_not_shown(tmp_path, cases):
    """Neither an empty cell of the groups, nor the interval of a group of one image."""
    groups = [{"plate": "P1", "well": "A1"}, {"plate": "P1"}, {}]
    result = evaluate_instances([c[1:] for c in cases.values()], names=list(cases), groups=groups)
    text = Page(write_evaluation_report(tmp_path / "r.html", result)).check().text
    assert "plate P1, well A1" in text and "nan" not in text
    single = evaluate_instances([cases["empty"][1:]])
    assert "nan" not in Page(write_evaluation_report(tmp_path / "r.html", single)).check().text


def test_evaluation_of_one_image_at_one_threshold(tmp_path, cases):
    result = evaluate_instances([cases["empty"][1:]], thresholds=[0.75])
    page = Page(write_evaluation_report(tmp_path / "r.html", result)).check()
    assert "0.75" in page.text and "1.000" in page.text and not page.all("img")


def test_comparison_report(tmp_path):
    truth = np.zeros((20, 40), np.int32)
    truth[5:15, 2:12], truth[5:15, 22:32] = 1, 2
    both = evaluate_instances([(truth, truth)] * 3, names=[EVIL, "b", "c"])
    half = evaluate_instances([(truth, truth * (truth < 2))] * 3, names=[EVIL, "b", "c"])
    compared = [Compared(f"{k} {EVIL}", half if k else both, 60.0 * k, 1.0, "a note") for k in range(8)]
    said = write_comparison(tmp_path, compared, settings={"images": EVIL}, command=f"micrographia compare {EVIL}")
    assert "AP (mean over IoU) -0.500" in said and "AP is the mean over images; F1 and PQ" in said
    page = Page(tmp_path / "report.html").check()
    assert "Difference to 0" in page.text
    assert "-0.500" in page.text
    assert "The first six methods" in page.text
    assert len(page.all("polyline")) == 6
    write_comparison(tmp_path, compared[:1])
    assert "Difference to" not in Page(tmp_path / "report.html").check().text
    assert not (tmp_path / "comparison_differences.csv").exists()


@pytest.mark.parametrize("classes", [2, 12])
def test_many_classes_and_all_bins_fit_on_a_page(tmp_path, classes):
    names, rng = tuple(f"a kind of cell {k}" for k in range(classes)), np.random.default_rng(0)
    truth = np.arange(600) % classes
    found = rng.dirichlet(np.full(classes, 0.4), 600).T.astype(np.float32)
    scores = evaluate_classes(truth, found.argmax(axis=0), names, None, seed=0)
    judged = CrossValidation(names, truth, found, truth % 2, None, False, scores, [])
    numbers = classification_numbers(judged)
    page = Page(write_classification_report(tmp_path / "report.html", numbers)).check()
    assert len(page.all("span", **{"class": "turned"})) == (12 if classes == 12 else 0)
    assert len(page.all("table", **{"class": "matrix many"})) == (classes == 12)
    bins = (tmp_path / "report.html").read_text().split('"small bins"')[1].split("</table>")[0]
    assert bins.count("<tr>") - 1 == sum(n > 0 for n in numbers["reliability"]["objects"])
