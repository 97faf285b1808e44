"""Charts are valid SVG that shows the numbers given."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from micrographia.report.charts import curves, histogram, sparkline, ticks


def parts(svg, tag):
    return ElementTree.fromstring(str(svg)).findall(f".//{tag}")


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 10, [0, 2, 4, 6, 8, 10]), (0.13, 0.42, [0.15, 0.2, 0.25, 0.3, 0.35, 0.4]), (5, 5, [5])],
)
def test_ticks_are_round(low, high, expected):
    assert ticks(low, high, 6) == expected


def test_histogram_counts_every_value():
    values = np.random.default_rng(0).gamma(4, 5, 5000)
    svg = histogram(values, "diameter <µm>")
    bars = parts(svg, "rect")
    assert sum(int(bar.find("title").text.rpartition(": ")[2].replace(",", "")) for bar in bars) == 5000
    assert "diameter &lt;µm&gt;" in svg and "median" in svg
    assert all(float(bar.get("height")) >= 0 for bar in bars)


@pytest.mark.parametrize("values", [[3.0], [2, 2, 2], [0, 0], [np.nan, 4], [1e-9, 1e9], np.arange(2000)])
def test_any_values(values):
    assert parts(histogram(values, "x"), "rect")


def test_nothing_to_show_is_empty():
    assert histogram([], "x") == histogram([np.nan], "x") == sparkline([], 0, 1) == sparkline([1], 1, 1) == ""
    assert parts(sparkline([1, 2, 3], 0, 4), "rect")


def test_curves():
    svg = curves([0.5, 0.7], [("a <b>", [1, 0.5], [0.9, 0.4], [1, 0.6]), ("c", [0.2, np.nan], None, None)],
                 x_label="IoU", y_label="AP")  # fmt: skip
    assert len(parts(svg, "polyline")) == 2 and len(parts(svg, "polygon")) == 1 and len(parts(svg, "circle")) == 3
    assert "a &lt;b&gt;" in svg
    assert parts(curves([0.5], [("a", [1], None, None)], x_label="x", y_label="y"), "circle")
