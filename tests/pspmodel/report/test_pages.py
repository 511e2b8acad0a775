"""Both reports in a real Chromium: sizes, colour schemes, paper, and nothing from elsewhere."""

import re

import pytest

from pspmodel.report import render_run, write_comparison
from pspmodel.report.records import read_run
from support.chromium import Page, chromium
from support.fake_runs import write_run
from support.small_run import trained_run


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture(scope="module", params=["one", "several"])
def path(request, tmp_path_factory, ntu_store_path):
    folder = tmp_path_factory.mktemp(request.param)
    out = folder / "page.html"
    words = f"ours, <b>and long: {30 * 'word'}</b>"
    if request.param == "one":
        run = trained_run(folder / "run", ntu_store_path, f'summary="{words}"')
        return render_run(run, out)
    runs = [
        write_run(
            folder / f"<b>{recipe} {seed} {60 * 'x'}", split_seed=seed, recipe=recipe,
            overrides=("optim.lr=0.0123", "train.epochs=7"),
        )
        for seed in (0, 1) for recipe in ("tiny", "psp-code")
    ]  # fmt: skip
    write_comparison([read_run(run) for run in runs], out)
    return out


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1200])
def test_they_fit_a_phone_and_both_colour_schemes(path, browser, width, dark):
    page = Page(browser)
    page.look(width, dark=dark)
    page.open(path)
    page.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    outside = f"""Array.from(document.querySelectorAll('body *')).filter(e => !e.closest('.scroll')
        && e.getBoundingClientRect().right > {width} + 1).map(e => e.outerHTML.slice(0, 80))"""
    assert page.evaluate(outside) == []
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(22, 23, 26)" if dark else "rgb(255, 255, 255)")
    turned = page.evaluate("getComputedStyle(document.querySelector('img')).filter")
    assert ("invert" in turned) == dark
    # Every picture is there and wide enough to be read.
    pictures = page.evaluate(
        "Array.from(document.images).map(i => [i.complete, i.naturalWidth, i.clientWidth])"
    )
    assert len(pictures) >= 2
    assert all(done and natural > 0 and shown >= 300 for done, natural, shown in pictures)
    assert page.evaluate("document.querySelectorAll('b b, td b, code b').length") == 0
    assert not page.errors
    others = {url for url in page.requests if not url.startswith("data:image/png")}
    assert others <= {path.as_uri(), "about:blank"}


def test_commands_are_copied_line_by_line(path, browser):
    page = Page(browser)
    page.look(390)
    page.open(path)
    copied = page.evaluate("document.querySelector('pre').innerText")
    lines = [line for line in copied.splitlines() if line]
    assert len(lines) == page.evaluate("document.querySelectorAll('pre')[0].children.length") > 2
    assert all(line.startswith(("skeldata ", "pspmodel train ")) for line in lines)


def test_nothing_is_fetched_and_nothing_runs_even_if_a_name_asks_for_it(path, browser):
    page = Page(browser)
    page.look(800)
    page.open(path)
    page.evaluate(
        """(() => {
          document.body.insertAdjacentHTML('beforeend', '<img src="http://127.0.0.1:9/x.png">');
          const script = document.createElement('script');
          script.textContent = 'window.ran = true';
          document.body.append(script);
          fetch('http://127.0.0.1:9/').catch(() => null);
        })()"""
    )
    page.wait(lambda: len(page.errors) >= 3, "three refusals")
    assert sum("Content Security Policy" in text for text in page.errors) >= 3
    assert page.evaluate("window.ran") is None
    assert "<script" not in path.read_text()


def test_they_print(path, browser):
    page = Page(browser)
    page.look(800, media="print", dark=True)
    page.open(path)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('img')).filter") == "none"
    pdf = page.printed()
    assert pdf.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) >= 2
