"""The pages of the site: gathered whole, links moved with them, references complete."""

import importlib.util
from pathlib import Path

import click
import pytest

from support.pages import ROOT, anchors

spec = importlib.util.spec_from_file_location("build_docs", ROOT / "tools" / "build_docs.py")
build_docs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build_docs)


@pytest.fixture(scope="module")
def reference():
    return "\n".join(build_docs.command_reference())


def commands():
    """(words, command) of both programs."""
    from pspmodel.cli import main as pspmodel
    from skeldata.cli import main as skeldata

    for name, group in (("skeldata", skeldata), ("pspmodel", pspmodel)):
        yield from build_docs.walk(group, (name,))


def test_every_page_has_a_place_in_the_contents():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    listed = index.split("```{toctree}", 1)[1].split()
    for page in (ROOT / "docs").rglob("*.md"):
        name = str(page.relative_to(ROOT / "docs").with_suffix(""))
        if name != "index" and not name.startswith(("decisions/0", "results/")):
            assert name in listed
    for place in build_docs.ELSEWHERE.values():
        assert place.removesuffix(".md") in listed


def test_the_pages_elsewhere_exist():
    assert all((ROOT / page).is_file() for page in build_docs.ELSEWHERE)


def test_pictures_come_along(tmp_path):
    build_docs.gather(tmp_path / "pages")
    pictures = [path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.png")]
    assert pictures
    assert all((tmp_path / "pages" / picture).is_file() for picture in pictures)


def test_every_decision_is_listed():
    listed = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs" / "decisions").glob("0*.md"):
        assert f"({page.name})" in listed


def test_every_command_has_its_help_in_the_reference(reference):
    count = 0
    for words, command in commands():
        assert f"### `{' '.join(words)}`\n" in reference
        assert (command.help or "").split("\n")[0][:40] in reference.replace("\n  ", " ")
        count += 1
    assert count > 25
    assert build_docs.COMMANDS_GO_HERE in (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")


def test_every_command_has_help_and_an_example_and_debug():
    for words, command in commands():
        assert command.help, words
        if not isinstance(command, click.Group):
            assert f"  {words[0]} " in command.help, f"{' '.join(words)}: no example in its help"
            assert "--debug" in {option for p in command.params for option in p.opts}


class TestLinks:
    PLACES = {  # noqa: RUF012
        Path("/r/docs/a.md"): Path("a.md"),
        Path("/r/data/S.md"): Path("schema.md"),
        Path("/r/docs/d/b.md"): Path("d/b.md"),
    }

    def moved(self, text, source, place):
        return build_docs.move_links(text, Path(source), Path(place), self.PLACES)

    def test_to_a_page_that_moves(self):
        assert self.moved("[x](../data/S.md#rule)", "/r/docs/a.md", "a.md") == "[x](schema.md#rule)"

    def test_from_a_page_that_moves(self):
        assert self.moved("[x](../docs/d/b.md)", "/r/data/S.md", "schema.md") == "[x](d/b.md)"

    def test_between_folders(self):
        assert self.moved("[x](../a.md)", "/r/docs/d/b.md", "d/b.md") == "[x](../a.md)"

    def test_to_what_is_no_page_becomes_text(self):
        assert self.moved("see [x](../tools/x.py).", "/r/docs/a.md", "a.md") == "see x."

    def test_what_stays(self):
        for text in ("[x](https://e.org/a.md)", "[x](#here)", "```sh\n[x](../tools/x.py)\n```\n"):
            assert self.moved(text, "/r/docs/a.md", "a.md") == text


def test_the_api_reference_has_the_public_names():
    import skeldata

    page = build_docs.api_pages("skeldata")["skeldata"]
    for name in skeldata.__all__:
        if not name.startswith("_"):
            assert f":: skeldata.{name}\n" in page


def test_the_api_reference_of_pspmodel_has_its_methods():
    pages = build_docs.api_pages("pspmodel")
    assert "autoclass:: pspmodel.methods.psp.PSP\n" in pages["pspmodel.methods.psp"]
    assert "pspmodel.losses.nt_xent" in pages["pspmodel"]
    assert not any("cli" in name.split(".") for name in pages)


def test_gathering_writes_every_page(tmp_path):
    build_docs.gather(tmp_path / "pages")
    pages = {str(p.relative_to(tmp_path / "pages")) for p in (tmp_path / "pages").rglob("*.md")}
    assert {
        "index.md",
        "cli.md",
        "split-schema.md",
        "decisions/README.md",
        "api/skeldata.md",
    } <= pages
    cli = (tmp_path / "pages" / "cli.md").read_text(encoding="utf-8")
    assert build_docs.COMMANDS_GO_HERE not in cli
    assert "skeldata-splits-show" in anchors(cli)
