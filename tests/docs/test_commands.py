"""Every command on the pages runs, and prints what the page says."""

import os
import re
import shlex
import shutil
import zipfile
from importlib import import_module
from pathlib import Path

import click
import pytest

from skeldata import prepare
from skeldata.datasets import get_dataset
from skeldata.splits import training_names
from skeldata.synth import ntu_bytes, write_ucla
from skeldata.synth.choose import choose_names
from support.pages import EVERY_PAGE, FENCE, NOT_RUN, ROOT, agrees, blocks, commands, run

OURS = r"(\$ )?(torchrun .*|skeldata|pspmodel)\b"
REAL = os.environ.get("NW_UCLA_ZIP")

# Pages whose blocks have tests of their own, beside what they are about.
ELSEWHERE = {
    "store-format.md": "tests/skeldata/store/test_format_1.py",
}
PAGES = sorted(
    page for page in (ROOT / "docs").rglob("*.md")
    if page.name not in ELSEWHERE and any(blocks(page.read_text(encoding="utf-8")))
)  # fmt: skip


@pytest.fixture(scope="session")
def fake(tmp_path_factory):
    """What the pages start from: fake.zip and fake.zarr as in start-here.md."""
    folder = tmp_path_factory.mktemp("fake")
    write_ucla(folder / "fake.zip", 300)
    prepare("ucla", [folder / "fake.zip"], folder / "fake.zarr", workers=1)
    return folder


def write_ntu_zip(path, dataset, samples, setups):
    """Synthetic recordings of some setups under the name of an official zip."""
    names = [n for n in choose_names(get_dataset(dataset), 40 * samples) if int(n[1:4]) in setups]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names[:samples]:
            archive.writestr(f"nturgb+d_skeletons/{name}.skeleton", ntu_bytes(name))


def given(page: Path, folder: Path, fake: Path) -> bool:
    """Put what a page takes for granted into its folder; whether its outputs can be compared."""
    if page.name == "preparing-ntu.md":
        write_ntu_zip(folder / "nturgbd_skeletons_s001_to_s017.zip", "ntu60", 12, range(1, 18))
        write_ntu_zip(folder / "nturgbd_skeletons_s018_to_s032.zip", "ntu120", 12, range(18, 33))
    elif page.name == "preparing-nw-ucla.md":
        os.symlink(REAL or fake / "fake.zip", folder / "all_sqe.zip")
        return bool(REAL)
    elif page.name == "sharing-splits.md":  # the one file that lab B has from before
        (folder / "lab-b").mkdir()
        facts = get_dataset("nw-ucla")
        names = training_names("nw-ucla", "xview")[::20]
        rows = ["file,label", *(f"{name}.json,{facts.label_of(name)}" for name in names)]
        (folder / "lab-b" / "labelled_2021.csv").write_bytes(("\r\n".join(rows) + "\r\n").encode())
    elif page.name != "start-here.md":
        shutil.copytree(fake / "fake.zarr", folder / "fake.zarr")
    return True


@pytest.mark.skipif(not (shutil.which("sh") and shutil.which("bash")), reason="needs sh and bash")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_of_a_page(page, fake, tmp_path, monkeypatch):
    compared = given(page, tmp_path, fake)
    monkeypatch.setenv("NO_COLOR", "1")
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.not_run or block.language not in ("console", "sh", "bash"):
            continue
        shell = "bash" if block.language == "bash" else "sh"
        folder = tmp_path / block.words
        folder.mkdir(exist_ok=True)
        for command, said in commands(block):
            printed = run(command, folder, shell)
            if said is not None and compared:
                numbers = not command.startswith("pspmodel")  # of a short training
                assert agrees(printed, said, numbers=numbers), f"{command}\n{printed}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_of_a_page(page):
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.language == "python" and not block.not_run:
            exec(compile(block.text, f"{page.name}:{block.line}", "exec"), {"__name__": "page"})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_block_that_is_not_run_says_why(page):
    for block in blocks(page.read_text(encoding="utf-8")):
        assert block.language, f"line {block.line}: a block without a language"
        if block.words and block.language in ("console", "sh", "bash", "python"):
            said_why = block.words.startswith(NOT_RUN) and len(block.words) > len(NOT_RUN) + 3
            assert said_why or re.fullmatch(r"[\w-]+", block.words), (
                f"line {block.line}: {block.words}"
            )


def test_pages_tested_elsewhere_are_tested_there():
    for page, test in ELSEWHERE.items():
        assert page in (ROOT / test).read_text(encoding="utf-8")


class TestRunner:
    """The comparison finds what it is there to find."""

    def test_outputs_agree_but_for_seconds_and_progress(self):
        assert agrees(
            "300 rows in 2.5 s\nx\n", "writing: 3/3 files, 9.1/s, 2 s\n300 rows in 0.1 s\nx\n"
        )
        assert not agrees("301 rows in 2.5 s\n", "300 rows in 2.5 s\n")
        assert not agrees("a\nb\n", "a\n")
        assert not agrees("", "a\n")

    def test_dots_stand_for_any_lines(self):
        assert agrees("a\nb\nc\nd\n", "a\n...\nd\n")
        assert not agrees("a\nb\nc\n", "a\n...\nd\n")

    def test_without_numbers_digests_still_count(self):
        digest = "ab12" * 16
        assert agrees(f"top-1 3.0%,  {digest}\n", f"top-1 99.2%, {digest}\n", numbers=False)
        assert not agrees(f"top-1 3.0%, {digest}\n", f"top-1 3.0%, {digest[:-1]}3\n", numbers=False)

    def test_commands_of_a_block(self):
        (console, shell) = blocks(
            "```console\n$ a \\\n  b\nout\n$ c\n```\n\n```sh\n# why\nd \\\n  e\n```\n"
        )
        assert commands(console) == [("a b", "out\n"), ("c", "")]
        assert commands(shell) == [("d e", None)]

    def test_a_failing_command_is_a_failure(self, tmp_path):
        with pytest.raises(AssertionError):
            run("skeldata info nothing.zarr", tmp_path)
        with pytest.raises(AssertionError):
            run("cat nothing | cat && false", tmp_path)


def faults(command):
    """What is wrong with a command of ours, by its names and options; nothing is run."""
    words = shlex.split(command.replace("...", "").replace("`", ""), comments=True)
    while words and words[0] not in ("skeldata", "pspmodel"):
        words = words[1:]  # e.g. torchrun --nproc-per-node 2 -m
    if not words:
        return []
    found = import_module(f"{words[0]}.cli").main
    rest = words[1:]
    while isinstance(found, click.Group) and rest and not rest[0].startswith("-"):
        if rest[0] not in found.commands:
            return [f"no command {rest[0]!r}"]
        found, rest = found.commands[rest[0]], rest[1:]
    known = {option for parameter in found.params for option in parameter.opts}
    known |= {"-h", "--help"}
    given = [word.partition("=")[0] for word in rest if re.match(r"--?[a-z]", word)]
    return [f"no option {option!r}" for option in given if option not in known]


def shown(page):
    """Every command of ours that a page shows: in blocks of all kinds, also not run, and in its prose."""
    for block in blocks(page):
        if block.language in ("console", "sh", "bash", ""):
            lines = re.sub(r"\\\n\s*", "", block.text).splitlines()
            meant = (line for line in lines if "||" not in line)  # others show an error
            yield from (line.removeprefix("$ ") for line in meant if re.match(OURS, line))
    yield from re.findall(r"`((?:skeldata|pspmodel) [a-z][^`\n]*)`", FENCE.sub("", page))


@pytest.mark.parametrize("page", EVERY_PAGE, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_options_that_a_page_shows_exist(page):
    text = page.read_text(encoding="utf-8")
    found = {command: faults(re.split(r" [|<>;&]|\(", command)[0]) for command in shown(text)}
    assert not {command: why for command, why in found.items() if why}


def test_commands_that_do_not_exist_are_noticed():
    assert faults("pspmodel train --store x --ratio 0.1") == []
    assert faults("torchrun --nproc-per-node 2 -m pspmodel train ...") == []
    assert faults("pspmodel trian") == ["no command 'trian'"]
    assert faults("skeldata splits show --datset ntu60") == ["no option '--datset'"]
    page = "`skeldata wrong` text\n\n```sh not-run: no\n$ pspmodel x \\\n  --y\n```\n"
    assert list(shown(page)) == ["pspmodel x --y", "skeldata wrong"]
