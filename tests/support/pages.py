"""Pages of documentation: their fenced blocks and commands, run and compared; headings and links.

A fence says how its block is tested, in words behind the language::

    ```console                 run in the page's folder; what it prints is compared
    ```console lab-a           the same in a folder of its own
    ```sh                      run; nothing is compared, lines are joined at a backslash
    ```bash                    the same for what only bash understands
    ```console not-run: why    not run, for a reason that readers of the source can see

A line ``...`` of an output stands for any lines.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from click.testing import CliRunner

ROOT = Path(__file__).resolve().parents[2]

NOT_RUN = "not-run: "
SHORT = ("--set", "train.epochs=2", "--set", "train.steps_per_epoch=1")  # all training in tests

FENCE = re.compile(r"^(```+)([\w{}-]*)[ ]*([^\n]*)\n(.*?)^\1[ ]*$", re.DOTALL | re.MULTILINE)
_PROGRESS = re.compile(r"^[\w ]+: [\d,]+(/[\d,]+)? \w+, [\d,.]+/s(, .*)?$")
_SECONDS = re.compile(r"\b\d+(\.\d+)? s\b")
_NUMBER = re.compile(r"(?<![\w.])-?\d[\d,]*(\.\d+)?(?![\w])")
_NEEDS_SHELL = re.compile(r"[|<>;&$`*?~]")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the words behind it, its text and the line of its fence."""

    language: str
    words: str
    text: str
    line: int

    @property
    def not_run(self) -> bool:
        return self.words.startswith("not-run")


def blocks(page: str) -> Iterator[Block]:
    """Every fenced block of a page, in order."""
    for match in FENCE.finditer(page):
        line = page.count("\n", 0, match.start()) + 1
        yield Block(match[2], match[3].strip(), match[4], line)


def prose(page: str) -> str:
    """A page without its fenced blocks and code spans."""
    return re.sub(r"`[^`\n]+`", "`code`", FENCE.sub("", page))


def commands(block: Block) -> list[tuple[str, str | None]]:
    """(command, what the page says it prints) of a block; None where the page does not say."""
    if block.language != "console":
        lines = re.sub(r"\\\n\s*", "", block.text).splitlines()
        return [(line, None) for line in lines if line and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", block.text)
    parts = re.split(r"^\$ ", joined, flags=re.MULTILINE)
    assert parts[0] == "", f"line {block.line}: a console block begins with a command"
    return [(p.partition("\n")[0], p.partition("\n")[2]) for p in parts[1:]]


def run(command: str, folder: Path, shell: str = "sh", training: Sequence[str] = ()) -> str:
    """What a command prints, both streams, progress left out; it must succeed.

    Plain commands of ours run in this process, which spares starting Python and loading torch; all
    training is cut short (`SHORT`), and has the further arguments ``training``.
    """
    words = shlex.split(command, comments=True)
    if words[:1] in (["skeldata"], ["pspmodel"]) and not _NEEDS_SHELL.search(command):
        printed = _in_process(words, folder, training)
    else:
        printed = _in_shell(command, folder, shell)
    return "".join(line for line in printed.splitlines(True) if not _PROGRESS.match(line.rstrip()))


def _in_process(words: Sequence[str], folder: Path, training: Sequence[str]) -> str:
    program, *arguments = words
    if program == "pspmodel" and arguments[0] in ("train", "sweep"):
        arguments += (*SHORT, *training)
        if "--steps" in arguments:
            arguments[arguments.index("--steps") + 1] = "1"
    before = Path.cwd()
    os.chdir(folder)
    try:
        group = import_module(f"{program}.cli").main
        result = CliRunner().invoke(group, arguments, prog_name=program)
    finally:
        os.chdir(before)
    assert result.exit_code == 0, f"{shlex.join(words)}\n{result.output}\n{result.exception!r}"
    return result.output


def _in_shell(command: str, folder: Path, shell: str) -> str:
    ours = f'python() {{ "{sys.executable}" "$@"; }}\n'
    ours += "".join(
        f'{p}() {{ "{sys.executable}" -m {p} "$@"; }}\n' for p in ("skeldata", "pspmodel")
    )
    done = subprocess.run(
        [shell, "-c", ours + command], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}"
    return done.stdout


def agrees(printed: str, said: str, *, numbers: bool = True) -> bool:
    """Whether a command printed what the page says.

    Seconds may differ. Without ``numbers`` all numbers may, and the spaces that line them up;
    digests may not.
    """
    pattern = "".join(
        r"(?:.*\n)*?" if line.strip() == "..." else re.escape(_masked(line, numbers)) + "\n"
        for line in said.splitlines()
        if not _PROGRESS.match(line)
    )
    shown = "".join(_masked(line, numbers) + "\n" for line in printed.splitlines())
    return re.fullmatch(pattern, shown) is not None


def _masked(line: str, numbers: bool) -> str:
    line = _SECONDS.sub("# s", line.rstrip())
    return line if numbers else re.sub(r"\s+", " ", _NUMBER.sub("#", line))


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as code hosts and the site name them."""
    found: dict[str, int] = {}
    names = set()
    for heading in re.findall(r"^#{1,6}[ ]+(.*?)[ ]*$", FENCE.sub("", page), re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")
        count = found.get(slug, 0)
        found[slug] = count + 1
        names.add(f"{slug}-{count}" if count else slug)
    return names


def links(page: str) -> list[str]:
    """Targets of the links and pictures in a page's prose."""
    text = prose(page)
    inline = re.findall(r"\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)", text)
    return inline + re.findall(r"^\[[^\]]+\]:\s*(\S+)", text, re.MULTILINE)


# Whoever reads the sources of the documentation finds these; packages' READMEs and changelogs too.
EVERY_PAGE = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "data_manifests" / "SCHEMA.md",
    *sorted(ROOT.glob("packages/*/*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
)
