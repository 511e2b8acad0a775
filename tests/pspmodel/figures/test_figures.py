"""Pictures: what is drawn where, that nothing overlaps, and that the files repeat."""

import itertools
import re
from decimal import Decimal

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb

from pspmodel import figures
from pspmodel.errors import UsageError
from pspmodel.figures.style import COLOURS, LAYERS
from skeldata import KINECT20, KINECT25, get_dataset

SIZE_OF_PNG = slice(16, 24)


def metrics(steps=4, terms=("classification", "contrast/joint", "contrast/part", "contrast/body")):
    lines = []
    for step in range(10, 10 * steps + 1, 10):
        values = dict.fromkeys(terms, 3.0 / step)
        lines.append(
            {"step": step, "kind": "train", "loss": sum(values.values()), "terms": values, "lr": 1}
        )
        lines.append(
            {"step": step, "kind": "evaluation", "test": 0.2 + step / 100, "held_out": 0.5}
        )
    return lines


def drawn(figure):
    FigureCanvasAgg(figure).draw()
    return figure


def assert_texts_stay_apart(figure):
    """No two texts that belong to one axes or legend cover each other."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    page = figure.bbox
    for axes in figure.axes:
        texts = [axes.xaxis.label, axes.yaxis.label, axes.title]
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            # matplotlib keeps ticks beyond the ends, which it does not draw
            texts += [t.label1 for t in axis.get_major_ticks() if low <= t.get_loc() <= high]
        if axes.get_legend():
            texts += axes.get_legend().get_texts()
        boxes = [t.get_window_extent(renderer) for t in texts if t.get_text() and t.get_visible()]
        for one, other in itertools.combinations(boxes, 2):
            assert not one.shrunk(0.98, 0.98).overlaps(other.shrunk(0.98, 0.98))
        for box in boxes:
            assert page.x0 - 1 <= box.x0, "cut off at the left"
            assert box.x1 <= page.x1 + 1, "cut off at the right"
            assert page.y0 - 1 <= box.y0
            assert box.y1 <= page.y1 + 1


def lines_of(axes):
    return {line.get_label(): line for line in axes.lines}


def test_terms_on_each_other_can_still_be_told_apart():
    figure = drawn(figures.loss_curve(metrics()))
    lines = lines_of(figure.axes[0])
    assert set(lines) == {
        "classification", "contrast/joint", "contrast/part", "contrast/body", "sum",
    }  # fmt: skip
    contrast = [lines[f"contrast/{level}"] for level in ("joint", "part", "body")]
    for one, other in itertools.combinations(contrast, 2):
        np.testing.assert_array_equal(one.get_ydata(), other.get_ydata())
        assert one.get_color() != other.get_color()
        assert one._dash_pattern != other._dash_pattern
    # The later line is drawn above: it must leave something of the earlier ones to be seen.
    assert contrast[0].get_linewidth() > contrast[1].get_linewidth()
    assert all(line.is_dashed() for line in contrast[1:])
    assert_texts_stay_apart(figure)


def test_dots_fall_into_the_gaps_of_the_dashes():
    def covered(stroke):
        offset, (on, off) = stroke.dashes
        places = np.arange(0, 60, 0.05)
        return (places + offset) % (on + off) < on

    dashes, dots = LAYERS[1], LAYERS[2]
    assert dashes.width == dots.width
    assert not (covered(dashes) & covered(dots)).any()
    assert covered(dots).any()


def test_a_sum_of_one_term_is_not_drawn_twice():
    figure = figures.loss_curve(metrics(terms=("classification",)))
    assert set(lines_of(figure.axes[0])) == {"classification"}


def test_the_reported_evaluations_are_marked():
    lines = metrics(5)
    seen = [line for line in lines if line["kind"] == "evaluation"]
    for line, test, held_out in zip(
        seen, (0.1, 0.6, 0.3, 0.2, 0.4), (0.1, 0.2, 0.9, 0.9, None), strict=True
    ):
        line |= {"test": test, "held_out": held_out}
    marks = lines_of(figures.loss_curve(lines).axes[1])
    assert (marks["oracle"].get_xdata(), marks["oracle"].get_ydata()) == ([20], [60])
    best = marks["best on held-out"]
    assert (best.get_xdata(), best.get_ydata()) == ([30], [30])


@pytest.mark.parametrize("lines", [[], metrics(1), [metrics(2)[1]]])
def test_short_and_empty_runs_are_drawn_too(lines):
    assert figures.png(figures.loss_curve(lines)).startswith(b"\x89PNG")
    assert figures.png(figures.learning_curves([figures.RunCurve("a", lines)])).startswith(
        b"\x89PNG"
    )


def test_runs_of_a_series_share_colour_and_legend():
    names = [f"series {place} with a rather long name, optim.lr=0.0{place}" for place in range(9)]
    runs = [figures.RunCurve(name, metrics()) for name in names for _ in range(3)]
    figure = drawn(figures.learning_curves(runs, "nw-ucla xview, 5 %"))
    looks = {}
    for run, line in zip(runs, figure.axes[0].lines, strict=True):
        looks.setdefault(run.series, set()).add((line.get_color(), str(line._dash_pattern)))
    assert all(len(each) == 1 for each in looks.values())
    assert len({next(iter(each)) for each in looks.values()}) == 9
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == names
    assert_texts_stay_apart(figure)


@pytest.mark.parametrize("dataset", ["nw-ucla", "ntu60"])
def test_the_confusion_matrix_names_every_class_that_occurs(dataset):
    classes = get_dataset(dataset).classes
    counts = np.eye(len(classes), dtype=np.int64) * 3
    counts[2, 2] = 0  # neither true nor predicted
    figure = figures.confusion_matrix(counts, classes)
    FigureCanvasAgg(figure).draw()
    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert names == [name for place, name in enumerate(classes) if place != 2]
    assert_texts_stay_apart(figure)


def test_confusion_shares_are_of_the_true_class():
    counts = np.array([[3, 1], [0, 0]], dtype=np.int64)
    axes = figures.confusion_matrix(counts, ["a", "b"]).axes[0]
    np.testing.assert_allclose(axes.images[0].get_array(), [[0.75, 0.25], [0, 0]])


def stage_marks(axes):
    """Where lines between stages are, and (name, where) of what stands above."""
    dotted = [line for line in axes.lines if list(line.get_ydata()) == [0, 1]]
    return [line.get_xdata()[0] for line in dotted], [(t.get_text(), t.xy[0]) for t in axes.texts]


def test_stages_are_marked_in_both_panels():
    stages = [figures.StageSpan("pretrain", 0, 10), figures.StageSpan("finetune", 10, 40)]
    figure = figures.loss_curve(metrics(), stages)
    for axes in figure.axes:
        assert stage_marks(axes) == ([10], [("pretrain", 5), ("finetune", 25)])
    assert_texts_stay_apart(figure)
    # What has not begun is not named; what is under way has its name above what was done of it.
    begun = figures.loss_curve(metrics(2), [*stages, figures.StageSpan("more", 40, 50)])
    assert stage_marks(begun.axes[0]) == ([10], [("pretrain", 5), ("finetune", 15)])
    assert stage_marks(figures.loss_curve(metrics(), stages[:1]).axes[0]) == ([], [])


def test_stages_of_several_runs_are_marked_where_they_agree():
    stages = (figures.StageSpan("pretrain", 0, 10), figures.StageSpan("finetune", 10, 40))
    one = figures.RunCurve("a", metrics(2), stages)
    figure = figures.learning_curves([one, figures.RunCurve("b", metrics(), stages)])
    for axes in figure.axes:
        assert stage_marks(axes) == ([10], [("pretrain", 5), ("finetune", 25)])
    other = figures.RunCurve("b", metrics())
    assert stage_marks(figures.learning_curves([one, other]).axes[0]) == ([], [])


@pytest.mark.parametrize(("up", "column"), [("z", 2), ("y", 1)])
def test_skeletons_stand_upright_with_sides_told_apart(up, column):
    joint = np.zeros((1, 50, 25, 3), dtype=np.float32)
    joint[0, :, :, 0] = np.arange(25)
    joint[0, :, :, column] = 100 + np.arange(25)
    present = np.ones((1, 50), dtype=bool)
    figure = figures.skeleton_strip(joint, present, KINECT25, "title", poses=3, up=up)
    axes = figure.axes[1]
    assert len(axes.lines) == 24
    for line, (child, parent) in zip(axes.lines, KINECT25.bones, strict=True):
        assert line.get_xdata().tolist() == [child, parent]
        assert line.get_ydata().tolist() == [100 + child, 100 + parent]
        assert line.get_color() == figures.SIDE_COLOURS[KINECT25.sides[child]]
    assert axes.get_ylim() == pytest.approx((99.9, 124.1))


def person(layout, seed, levels=("joint", "part", "body")):
    generator = np.random.default_rng(seed)
    sizes = {"joint": layout.joint_count, "part": 10, "body": 5}
    maps = {level: generator.normal(size=(sizes[level],) * 2) for level in levels}
    received = generator.uniform(0.1, 0.9, layout.joint_count)
    return figures.AttendedPerson(
        maps, received, generator.normal(size=(layout.joint_count, 3)), "frame 25"
    )


@pytest.mark.parametrize("layout", [KINECT25, KINECT20], ids=lambda layout: layout.name)
def test_attention_pictures_show_three_maps_and_sized_joints(layout):
    someone = person(layout, 0)
    figure = figures.attention_picture([someone, person(layout, 1)], layout, "title")
    maps = [axes for axes in figure.axes if axes.images and axes.get_title()]
    assert [axes.get_title() for axes in maps[:3]] == [
        f"joint level, {layout.joint_count} x {layout.joint_count}",
        "part level, 10 x 10",
        "body level, 5 x 5",
    ]
    for axes, level in zip(maps[:3], ("joint", "part", "body"), strict=True):
        image = axes.images[0]
        np.testing.assert_array_equal(image.get_array(), someone.maps[level])
        low, high = image.get_clim()
        assert low == -high
        assert high == pytest.approx(np.abs(someone.maps[level]).max())
    skeleton = next(axes for axes in figure.axes if axes.collections and "most" in axes.get_title())
    points = skeleton.collections[0]
    order = np.argsort(-someone.received)
    np.testing.assert_allclose(points.get_offsets(), someone.pose[order][:, [0, 2]])
    sizes = points.get_sizes()
    assert (np.diff(sizes) <= 0).all()  # the largest first, so that it hides no other
    np.testing.assert_allclose(
        (sizes - sizes.min()) / np.ptp(sizes),
        (someone.received[order] - someone.received.min()) / np.ptp(someone.received),
    )
    assert layout.joints[order[0]] in skeleton.get_title()
    assert_texts_stay_apart(figure)


def test_attention_panels_fill_rows_for_narrow_pages():
    someone = person(KINECT25, 0)
    wide = figures.attention_picture([someone], KINECT25, "title")
    narrow = figures.attention_picture([someone, someone], KINECT25, "title", columns=2)
    assert narrow.get_figwidth() < 0.6 * wide.get_figwidth()
    titles = [axes.get_title().partition(" level")[0].split("\n")[0] for axes in narrow.axes[:8]]
    assert titles == ["joint", "part", "body", "frame 25"] * 2
    assert_texts_stay_apart(narrow)
    few = person(KINECT25, 0, levels=("part", "body"))
    odd = figures.attention_picture([few], KINECT25, "title", columns=2)
    assert [axes.axison for axes in odd.axes[:4]] == [True, True, False, False]
    assert "most" in odd.axes[2].get_title()
    assert not odd.axes[3].has_data()


def test_attention_of_one_level_and_all_equal_joints():
    someone = person(KINECT20, 0, levels=("body",))
    still = figures.AttendedPerson(
        {"body": np.zeros((5, 5))}, np.zeros(20), someone.pose, someone.title
    )
    figure = figures.attention_picture([still], KINECT20, "title", up="y")
    assert figures.png(figure).startswith(b"\x89PNG")
    sizes = next(a.collections[0] for a in figure.axes if "most" in a.get_title()).get_sizes()
    assert len(set(sizes)) == 1


@pytest.mark.parametrize("count", [3, 10, 60])
def test_classes_of_a_map_have_looks_of_their_own(count):
    generator = np.random.default_rng(0)
    labels = np.arange(600) % count
    points = generator.normal(size=(600, 2)).astype(np.float32)
    classes = get_dataset("ntu120").classes
    figure = drawn(figures.embedding_map(points, labels, classes, "title"))
    groups = figure.axes[0].collections
    looks = {
        (tuple(g.get_facecolor()[0].round(3)), g.get_paths()[0].vertices.tobytes()) for g in groups
    }
    assert len(looks) == len(groups) == count
    for label, group in enumerate(groups):
        np.testing.assert_allclose(group.get_offsets(), points[labels == label])
    legend = figure.legends[0]
    assert [text.get_text() for text in legend.get_texts()] == list(classes[:count])
    box = legend.get_window_extent()
    assert not box.overlaps(figure.axes[0].get_window_extent())
    assert box.x1 <= figure.bbox.x1 + 1
    low, high = figure.axes[0].get_xlim()
    assert low < points[:, 0].min()
    assert points[:, 0].max() < high


def test_accuracy_over_ratios_keeps_bars_side_by_side():
    ratios = [Decimal("0.05"), Decimal("0.1"), Decimal("0.4")]
    ours = [
        figures.Series(f"setting {n}", {r: (50.0 + n, 2.0 if r > Decimal("0.06") else None) for r in ratios})
        for n in range(3)
    ]  # fmt: skip
    paper = figures.Series("PSP", {Decimal("0.05"): (72.2, None)}, ours=False)
    figure = figures.accuracy_by_ratio([*ours, paper], "NTU RGB+D 60, xsub")
    axes = figure.axes[0]
    FigureCanvasAgg(figure).draw()
    assert [text.get_text() for text in axes.get_xticklabels()] == ["5 %", "10 %", "40 %"]
    first = [c.lines[0].get_xdata()[0] for c in axes.containers]
    assert len({round(x, 3) for x in first}) == 3
    assert max(map(abs, first)) < 0.5
    assert [c.lines[0].get_ydata()[0] for c in axes.containers] == [50.0, 51.0, 52.0]
    assert lines_of(axes)["PSP"].get_xydata().tolist() == [[0.0, 72.2]]
    assert_texts_stay_apart(figure)


def relative_luminance(colour):
    channels = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return float(np.dot(channels, [0.2126, 0.7152, 0.0722]))


def test_colours_stand_out_from_white_paper():
    for colour in (*COLOURS, *(layer.colour for layer in LAYERS)):
        assert 1.05 / (relative_luminance(colour) + 0.05) > 1.7, colour


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_files_repeat_byte_for_byte_and_are_never_half_written(tmp_path, suffix):
    for name in ("one", "two"):
        figures.save(figures.loss_curve(metrics()), tmp_path / "new" / f"{name}{suffix}")
    one, two = ((tmp_path / "new" / f"{name}{suffix}").read_bytes() for name in ("one", "two"))
    assert one == two
    assert one[:4] in (b"\x89PNG", b"<?xm", b"%PDF")
    assert len(list((tmp_path / "new").iterdir())) == 2


def test_svg_needs_no_network_and_no_fonts(tmp_path):
    figures.save(figures.loss_curve(metrics()), tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    assert "<text" not in text
    assert not re.search(r'(href|src)="(?!#|data:)', text)


def test_other_formats_are_refused_with_those_that_work(tmp_path):
    with pytest.raises(UsageError, match=r"a\.gif: end its name in one of \.png, \.svg, \.pdf"):
        figures.save(figures.loss_curve(metrics()), tmp_path / "a.gif")
    assert not list(tmp_path.iterdir())


def test_a_figure_has_the_promised_resolution():
    size = figures.png(figures.loss_curve(metrics()), dpi=100)[SIZE_OF_PNG]
    assert int.from_bytes(size[:4], "big") == 900
