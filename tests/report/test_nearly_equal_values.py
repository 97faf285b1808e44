"""Charts of values that are equal but for rounding, and of very small and very large ones."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from micrographia.report.charts import histogram, sparkline, ticks


@pytest.mark.parametrize(
    "values",
    [[1.0, 1.0000000000000002], [0.1, 0.1 + 1e-15, 0.1], [-3.0, -3.0 + 1e-14], [0.0, 5e-324], [1e20, 1e20 + 2e4]],
)
def test_equal_but_for_rounding_is_one_bar(values):
    bars = ElementTree.fromstring(str(histogram(values, "x"))).findall(".//rect")
    assert [bar.find("title").text.rpartition(": ")[2] for bar in bars] == [str(len(values))]
    assert sparkline(values, min(values), max(values)) == ""
    assert ticks(min(values), max(values)) == [min(values)]


@pytest.mark.parametrize("scale", [1e-200, 1e-12, 1e-9, 1, 1e9, 1e200])
def test_any_size_of_numbers(scale):
    values = scale * np.random.default_rng(0).gamma(4, 5, 500)
    bars = ElementTree.fromstring(str(histogram(values, "x"))).findall(".//rect")
    assert sum(int(bar.find("title").text.rpartition(": ")[2]) for bar in bars) == 500
    np.testing.assert_allclose(ticks(0, 10 * scale), scale * np.arange(0, 11, 2))
