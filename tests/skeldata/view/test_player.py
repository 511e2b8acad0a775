"""The page that plays a clip, as text and in a real Chromium."""

import json
import re
import sys

import numpy as np
import pytest

from skeldata import open_store
from skeldata.view import draw_clip
from support.chromium import Page, chromium
from support.view_oracle import expected, path_ends, to_pixels


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


def one_body_row(store):
    present = store.read_present()
    return int(np.flatnonzero(present[:, 0].all(axis=1) & ~present[:, 1:].any(axis=(1, 2)))[0])


@pytest.fixture(scope="module")
def row(ntu_store):
    return one_body_row(ntu_store)


@pytest.fixture(scope="module")
def path(ntu_store, ntu_store_path, row, tmp_path_factory):
    """A clip with its raw recording."""
    out = tmp_path_factory.mktemp("player") / "clip.html"
    raw = ntu_store_path.parent / "ntu.zip"
    return draw_clip(ntu_store, ntu_store.names[row], out, raw=raw)


@pytest.fixture
def page(browser):
    shown = Page(browser)
    shown.look(1200, 900)
    return shown


DRAWN = """Array.from(document.querySelectorAll('#scene0 .bone')).filter(e => e.style.display !== 'none')
.map(e => [e.dataset.bone, e.getAttribute('class'), ['x1','y1','x2','y2'].map(n => Number(e.getAttribute(n)))])"""


def bones(page):
    """Pixels of the ends of every bone by its joints, (2, 2), and its class."""
    found = {}
    for bone, kind, ends in page.evaluate(DRAWN):
        child, parent = map(int, bone.split("-"))
        found[child, parent] = np.array(ends).reshape(2, 2), kind.split()[1]
    return found


def fit(page, pictured, layout):
    """Where the page draws pictured joints (V, 2): scale and offsets, after all were compared."""
    drawn = bones(page)
    assert set(drawn) == set(layout.bones)
    points = np.concatenate([pictured[list(bone)] for bone in layout.bones])
    pixels = np.concatenate([drawn[bone][0] for bone in layout.bones])
    *found, misfit = to_pixels(points, pixels)
    assert misfit < 0.05
    assert found[0] > 20
    return found


def test_the_page_says_what_it_shows(ntu_store, row, path):
    text = path.read_text("utf-8")
    name = ntu_store.names[row]
    label = ntu_store.dataset.classes[ntu_store.labels[row]]
    assert f"<h1>{name}: {label}</h1>" in text
    for told in (
        f"{ntu_store.lengths[row]} source frames",
        "recipe psp version 1",
        ntu_store.content_digest,
        "left limbs",
        "prepared",
        "raw, as the sensor saw it",
        f"subject {int(name[9:12])}, camera {int(name[5:8])}",
    ):
        assert told in text
    assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)", text)
    assert "<script src" not in text
    assert "default-src 'none'" in text


def test_the_data_of_the_page_are_the_stores_joints(ntu_store, row, path):
    data = json.loads(re.search(r'id="clip">(.*?)</script>', path.read_text("utf-8"), re.DOTALL)[1])
    scene = data["scenes"][0]
    frames = np.array(scene["frames"])
    assert frames.shape == (50, 1, 25, 3)
    joint = ntu_store.read([row])[0, 0]
    # A rotation keeps all distances, and the vertical stays the vertical.
    for a, b in ((0, 3), (7, 19), (4, 24)):
        lengths = np.linalg.norm(frames[:, 0, a] - frames[:, 0, b], axis=1)
        np.testing.assert_allclose(lengths, np.linalg.norm(joint[:, a] - joint[:, b], axis=1), atol=1e-3)  # fmt: skip
    np.testing.assert_allclose(frames[:, 0, :, 2], joint[..., 2], atol=1e-4)
    assert data["seconds"] == ntu_store.lengths[row] / 30
    assert [tuple(bone) for bone in data["bones"]] == list(ntu_store.layout.bones)


def test_the_page_without_scripts_shows_the_middle_frame(ntu_store, row, path):
    text = path.read_text("utf-8")
    drawing = re.search(r'<svg id="scene0".*?</svg>', text, re.DOTALL)[0]
    pictured = expected(ntu_store, row)[0, 25]
    layout = ntu_store.layout
    points, pixels = [], []
    for side in ("left", "right", "middle"):
        ends = path_ends(re.search(rf'class="{side}" stroke-width="4" d="([^"]+)"', drawing)[1])
        bones_of_side = [bone for bone in layout.bones if layout.sides[bone[0]] == side]
        points.extend(pictured[np.array(bones_of_side)].reshape(-1, 2))
        pixels.extend(ends.reshape(-1, 2))
    scale, _, _, misfit = to_pixels(np.array(points), np.array(pixels))
    assert scale > 20
    assert misfit < 0.1


def test_a_browser_draws_every_frame_where_the_joints_are(ntu_store, row, path, page):
    places = []
    for frame in (1, 17, 50):
        page.open(path, f"#frame={frame}")
        assert (
            page.evaluate("document.getElementById('clock').textContent") == f"frame {frame} of 50"
        )
        places.append(fit(page, expected(ntu_store, row)[0, frame - 1], ntu_store.layout))
    np.testing.assert_allclose(places, np.broadcast_to(places[0], (3, 3)), atol=0.05)  # fixed axes
    for (child, _), (_, side) in bones(page).items():
        assert side == ntu_store.layout.sides[child]
    assert not page.errors


def test_dragging_walks_around_the_body_and_front_goes_back(ntu_store, row, path, page):
    page.open(path, "#frame=10")
    box = page.evaluate("(({x, y, width, height}) => [x, y, width, height])"
                        "(document.getElementById('scene0').getBoundingClientRect())")  # fmt: skip
    middle = box[0] + box[2] / 2, box[1] + box[3] / 2
    page.drag(middle, (middle[0] + 100, middle[1] + 50))
    turned = expected(ntu_store, row, azimuth=25 - 60, elevation=10 + 20)
    fit(page, turned[0, 9], ntu_store.layout)
    page.evaluate("document.getElementById('front').click()")
    fit(page, expected(ntu_store, row)[0, 9], ntu_store.layout)


def test_play_pause_step_and_names(ntu_store, path, page):
    page.look(1200, 900, calm=False)
    page.open(path)
    clock = "document.getElementById('clock').textContent"
    play = "document.getElementById('play')"
    assert page.evaluate(f"{play}.textContent") == "Pause"  # it plays by itself
    first = page.evaluate(clock)
    page.wait(lambda: page.evaluate(clock) != first, "the next frame")
    page.evaluate(f"{play}.click()")
    stopped = page.evaluate(clock)
    assert page.evaluate(f"{play}.textContent") == "Play"
    assert page.evaluate(f"new Promise(r => setTimeout(() => r({clock}), 300))") == stopped
    page.evaluate("(f => {f.value = 4; f.dispatchEvent(new Event('input'))})(document.getElementById('frame'))")  # fmt: skip
    assert page.evaluate(clock) == "frame 5 of 50"
    page.send("Input.dispatchKeyEvent", type="keyDown", key="ArrowLeft")
    assert page.evaluate(clock) == "frame 4 of 50"
    shown = "Array.from(document.querySelectorAll('#scene0 .name')).filter(e => e.style.display !== 'none').map(e => e.textContent)"
    assert page.evaluate(shown) == []
    page.evaluate("document.getElementById('names').click()")
    assert sorted(page.evaluate(shown)) == sorted(ntu_store.layout.joints)
    assert not page.errors


def test_less_motion_asked_for_means_no_play_by_itself(path, page):
    page.open(path)
    assert page.evaluate("document.getElementById('play').textContent") == "Play"


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1200])
def test_it_fits_a_phone_and_both_colour_schemes_and_asks_for_nothing(path, page, width, dark):
    page.look(width, dark=dark)
    page.open(path, "#frame=10")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.getElementById('scene0').getBoundingClientRect().width") > 0.4 * width  # fmt: skip
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(22, 23, 26)" if dark else "rgb(255, 255, 255)")
    limb = page.evaluate("getComputedStyle(document.querySelector('#scene0 .bone.left')).stroke")
    assert limb == ("rgb(86, 180, 233)" if dark else "rgb(0, 114, 178)")
    assert not page.errors
    assert {url.split("#")[0] for url in page.requests} <= {path.as_uri(), "about:blank"}
    if width == 390:
        buttons = "Array.from(document.querySelectorAll('.controls button')).map(e => e.getBoundingClientRect().height)"
        assert min(page.evaluate(buttons)) >= 40  # large enough for a finger


def test_two_bodies_play_and_an_absent_one_is_not_drawn(ntu_store, tmp_path, page):
    present = ntu_store.read_present()
    row = int(np.flatnonzero(present.all(axis=2).all(axis=1))[0])
    page.open(draw_clip(ntu_store, ntu_store.names[row], tmp_path / "two.html"), "#frame=1")
    assert len(page.evaluate(DRAWN)) == 2 * len(ntu_store.layout.bones)
    partly = np.flatnonzero(present.any(axis=2).all(axis=1) & ~present.all(axis=2).all(axis=1))
    if len(partly):
        row = int(partly[0])
        out = draw_clip(ntu_store, ntu_store.names[row], tmp_path / "partly.html")
        for frame in range(0, 50, 7):
            page.open(out, f"#frame={frame + 1}")
            count = int(present[row, :, frame].sum())
            assert len(page.evaluate(DRAWN)) == count * len(ntu_store.layout.bones)
    assert not page.errors


def test_paper_shows_the_picture_without_the_controls(path, page):
    page.look(800, media="print")
    page.open(path)
    assert page.evaluate("getComputedStyle(document.getElementById('controls')).display") == "none"
    assert page.printed().startswith(b"%PDF")


def test_the_browser_would_tell_of_requests_and_errors(tmp_path, page):
    (tmp_path / "bad.html").write_text(
        '<img src="http://127.0.0.1:9/x.png"><script>undefined.x</script>', "utf-8"
    )
    page.open(tmp_path / "bad.html")
    assert "http://127.0.0.1:9/x.png" in page.requests
    assert any("TypeError" in error for error in page.errors)
    assert any("ERR_CONNECTION_REFUSED" in error or "ERR_UNSAFE_PORT" in error for error in page.errors)  # fmt: skip


def test_the_page_needs_no_matplotlib(ntu_store, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert draw_clip(ntu_store, ntu_store.names[0], tmp_path / "a.html").exists()


def test_what_a_store_says_of_its_recipe_is_text_and_no_markup(ntu_store_path, tmp_path):
    store = open_store(ntu_store_path)
    store.attributes["recipe"] |= {"summary": "<b>5</b> & more"}
    out = draw_clip(store, store.names[0], tmp_path / "clip.html")
    assert "&lt;b&gt;5&lt;/b&gt; &amp; more" in out.read_text()
    assert "<b>5</b>" not in out.read_text()
