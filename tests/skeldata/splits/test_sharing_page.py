"""``docs/sharing-splits.md``: every command on the page runs and prints what the page says."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from skeldata.datasets import get_dataset
from skeldata.splits import draw, published, training_names

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "sharing-splits.md").read_text(encoding="utf-8")
LABS = ("lab-a", "lab-b")


def blocks(page):
    """(language, lab or "", text) of every fenced block, in order."""
    return re.findall(r"^```(\w*)[ ]?([\w-]*)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)


def commands(text):
    """(command, what the page says it prints) of a console block."""
    parts = re.split(r"^\$ ", text, flags=re.MULTILINE)
    assert parts[0] == "", "a console block begins with a command"
    return [part.partition("\n")[::2] for part in parts[1:]]


def run(command, folder):
    """What a command prints, both streams; progress, which comes only on slow machines, left out."""
    shell = f'skeldata() {{ "{sys.executable}" -m skeldata "$@"; }}\n{command}'
    done = subprocess.run(
        ["sh", "-c", shell], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        check=True,
    )  # fmt: skip
    return "".join(
        line for line in done.stdout.splitlines(True) if not line.startswith("verifying: ")
    )


@pytest.fixture
def labs(tmp_path):
    """The folders of both labs, with the one file that lab B has from before."""
    for lab in LABS:
        (tmp_path / lab).mkdir()
    facts = get_dataset("nw-ucla")
    rows = [f"{n}.json,{facts.label_of(n)}" for n in training_names("nw-ucla", "xview")[::20]]
    text = "\r\n".join(["file,label", *rows]) + "\r\n"
    (tmp_path / "lab-b" / "labelled_2021.csv").write_bytes(text.encode())
    return tmp_path


@pytest.mark.skipif(not shutil.which("sh"), reason="the page is for a shell")
def test_every_command_prints_what_the_page_says(labs):
    ran = set()
    for language, lab, text in blocks(PAGE):
        assert (language, lab) in {("console", lab) for lab in LABS}, "a block that no test runs"
        for command, said in commands(text):
            assert run(command, labs / lab) == said.removesuffix("\n") + "\n" * bool(said), command
            ran.update(re.findall(r"skeldata splits (\w+)", command))
    assert ran >= {"make", "show", "balance", "verify", "import", "compare"}


def test_what_the_page_says_of_digests_is_true():
    first = draw("nw-ucla", "xview", "5%")
    assert PAGE.count(first.digest) >= 3
    assert f"5 %, seed 0, {first.digest[:8]}" in PAGE
    assert f"({published('x-car').digest[:8]})" in PAGE


def test_a_line_that_is_not_printed_is_noticed(labs):
    ((command, said),) = commands("$ skeldata splits show --published x-car --digest\n123\n")
    assert said == "123\n" != run(command, labs / "lab-a")
