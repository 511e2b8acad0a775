"""Charts: bins, bars and their sizes."""

from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeldata.report import charts


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=80), st.integers(1, 50))
def test_every_number_is_counted_in_the_bin_it_lies_in(values, most):
    found = charts.bin_numbers(np.array(values), most)
    assert len(found.counts) <= most
    for place, count in enumerate(found.counts):
        low = found.start + place * found.width
        assert count == sum(low <= value < low + found.width for value in values)
    assert sum(found.counts) == len(values)
    assert found.counts[0]
    assert found.counts[-1]


def percent(element, name):
    return float(element.get(name).removesuffix("%"))


def test_a_stacked_bar_has_the_lengths_of_its_counts():
    bar = ElementTree.fromstring(charts.stacked_bar(30, 10, 80, 'a "b"'))
    first, second = bar.findall("rect")
    assert (first.get("class"), second.get("class")) == ("train", "test")
    assert percent(first, "width") == percent(second, "x") == 37.5
    assert percent(second, "width") == 12.5
    assert bar.get("aria-label") == 'a "b"'


def test_a_histogram_has_bars_in_proportion_on_one_line_and_its_median():
    values = np.array([3, 3, 3, 4, 6, 6])
    chart = charts.histogram_chart(charts.bin_numbers(values), float(np.median(values)), "x", "u")
    root = ElementTree.fromstring(chart)
    bars = root.findall("rect")
    heights = [percent(bar, "height") for bar in bars]
    assert np.array(heights) / heights[0] * 3 == pytest.approx([3, 1, 0, 2], abs=0.01)
    feet = {round(percent(bar, "y") + percent(bar, "height"), 2) for bar in bars}
    assert len(feet) == 1
    assert [bar.find("title").text for bar in bars] == ["3 u: 3", "4 u: 1", "5 u: 0", "6 u: 2"]
    (median,) = root.findall("line[@class='median']")
    left, width = percent(bars[0], "x"), percent(bars[1], "x") - percent(bars[0], "x")
    # 3.5 is the end of the bin of 3, give or take the gap between bars.
    assert percent(median, "x1") == pytest.approx(left + width, abs=0.1 * width)
    assert "median 3.5" in [text.text for text in root.findall("text")]


def test_one_number_alone_makes_a_chart():
    root = ElementTree.fromstring(
        charts.histogram_chart(charts.bin_numbers(np.array([12])), 12.0, "x", "u")
    )
    (bar,) = root.findall("rect")
    assert percent(bar, "width") < 10
