"""The picture of lost joints: lines are means, bands deviations, every run has its look."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from pspmodel.figures.robustness import lost_joint_curves
from pspmodel.figures.style import png


def content(runs, lost=(6, 0, 2)):
    def accuracy(number, run):
        sd = None if number == 0 else 0.05
        return {"lost": number, "top1": {"mean": 0.9 - 0.1 * number / 2 - run / 100, "sd": sd}}

    return {
        "joints": 20,
        "runs": [{"accuracy": [accuracy(number, run) for number in lost]} for run in range(runs)],
    }


def test_lines_and_bands_are_the_numbers_in_order():
    axes = lost_joint_curves(content(2), ["a", "b"], "title").axes[0]
    assert [line.get_label() for line in axes.lines] == ["a", "b"]
    for run, line in enumerate(axes.lines):
        assert line.get_xdata().tolist() == [0, 2, 6]
        mean = np.array([90, 80, 60]) - run
        np.testing.assert_allclose(line.get_ydata(), mean)
        corners = axes.collections[run].get_paths()[0].vertices
        for x, y, sd in zip([0, 2, 6], mean, [0, 5, 5], strict=True):
            heights = corners[corners[:, 0] == x, 1]
            assert heights.min() == pytest.approx(y - sd)
            assert heights.max() == pytest.approx(y + sd)
    assert axes.get_xlabel() == "lost joints of 20"


def test_runs_have_looks_of_their_own_and_names_in_the_legend():
    names = [f"run {place} with a rather long name" for place in range(15)]
    figure = lost_joint_curves(content(15), names, "title")
    FigureCanvasAgg(figure).draw()
    lines = figure.axes[0].lines
    looks = {(line.get_color(), line.get_marker(), str(line._dash_pattern)) for line in lines}
    assert len(looks) == 15
    assert [text.get_text() for text in figure.legends[0].get_texts()] == names
    assert not figure.legends[0].get_window_extent().overlaps(figure.axes[0].get_window_extent())


def test_one_number_is_drawn_too():
    assert png(lost_joint_curves(content(1, (0,)), ["a"], "title")).startswith(b"\x89PNG")
