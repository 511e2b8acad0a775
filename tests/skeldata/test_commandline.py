"""Colours, wrong names and shell completion: what a person sees of both command lines."""

import os
import pty
import shutil
import subprocess
import sys
from contextlib import suppress

import pytest

ESCAPE = b"\x1b["
COLOUR = (b"\x1b[31m", b"\x1b[36m", b"\x1b[38;", b"\x1b[32m", b"\x1b[35m")


def on_terminal(code, **environment):
    """What a Python program shows on a terminal, as bytes."""
    master, slave = pty.openpty()
    names = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CI")
    inherited = {key: value for key, value in os.environ.items() if key not in names}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=slave, stdout=slave, stderr=slave,
        env={**inherited, "TERM": "xterm-256color", "COLUMNS": "120", **environment},
    )  # fmt: skip
    os.close(slave)
    shown = b""
    with suppress(OSError):  # the terminal's end on Linux
        while part := os.read(master, 65536):
            shown += part
    os.close(master)
    process.wait()
    return shown


WRONG = "from skeldata.cli import main; main(['info', 'nothing.zarr'], prog_name='skeldata')"
BAR = """
from skeldata.progress import Progress
with Progress(3, "drawing", "clips") as progress:
    progress.advance(2)
"""
TABLE = """
from skeldata.cli.info import _print_table
_print_table(["class", "rows"], [["0", "12"]])
"""


class TestColours:
    def test_an_error_is_red_on_a_terminal_and_plain_with_no_color(self):
        assert b"\x1b[31m" in on_terminal(WRONG)
        plain = on_terminal(WRONG, NO_COLOR="1")
        assert b"error: " in plain
        assert ESCAPE not in plain

    def test_an_empty_no_color_counts_as_unset(self):
        assert b"\x1b[31m" in on_terminal(WRONG, NO_COLOR="")

    def test_a_progress_bar_has_no_colours_with_no_color(self):
        assert any(colour in on_terminal(BAR) for colour in COLOUR)
        plain = on_terminal(BAR, NO_COLOR="1")
        assert b"drawing" in plain
        assert not any(colour in plain for colour in COLOUR)

    def test_a_table_has_no_colours_with_no_color(self):
        plain = on_terminal(TABLE, NO_COLOR="1")
        assert b"12" in plain
        assert not any(colour in plain for colour in COLOUR)


@pytest.mark.parametrize(
    ("program", "wrong", "right"),
    [
        ("skeldata", ["verfy"], "verify"),
        ("skeldata", ["splits", "shwo"], "show"),
        ("skeldata", ["prepare", "ntuu"], "ntu"),
        ("pspmodel", ["trian"], "train"),
    ],
)
def test_a_wrong_command_is_answered_with_the_nearest(program, wrong, right):
    done = subprocess.run([sys.executable, "-m", program, *wrong], capture_output=True, text=True)
    assert done.returncode == 2
    assert f"'{right}'" in done.stderr
    assert done.stdout == ""


@pytest.fixture
def bash_completes(tmp_path):
    """What bash offers for the last of some words, by the script that the program prints."""

    def complete(program, *words):
        call = tmp_path / program  # the script calls the program by its name
        call.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {program} "$@"\n', encoding="utf-8")
        call.chmod(0o755)
        script = f"""
            eval "$(_{program.upper()}_COMPLETE=bash_source {program})"
            complete -p {program} > /dev/null || exit 3
            COMP_WORDS=({program} {" ".join(words)}); COMP_CWORD={len(words)}
            _{program}_completion {program}
            printf '%s\\n' "${{COMPREPLY[@]}}"
        """
        path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "--norc", "-c", script], capture_output=True, text=True,
            env={**os.environ, "PATH": path},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    return complete


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
class TestCompletion:
    def test_commands(self, bash_completes):
        assert bash_completes("skeldata", "ver") == ["verify"]
        assert {"train", "tsne"} <= set(bash_completes("pspmodel", "t"))

    def test_commands_of_a_group(self, bash_completes):
        assert bash_completes("skeldata", "prepare", "u") == ["ucla"]

    def test_options_and_their_choices(self, bash_completes):
        assert "--strict" in bash_completes("skeldata", "prepare", "ntu", "--str")
        assert bash_completes("skeldata", "export", "x.zarr", "--to", "p") == ["pyskl"]


def test_a_reader_that_has_gone_ends_a_command_without_a_word():
    words = ["splits", "show", "--dataset", "ntu60", "--protocol", "xsub", "--ratio", "0.4"]
    # Unbuffered, Python itself forgets what a closed pipe did not take, and sees no error.
    process = subprocess.Popen(
        [sys.executable, "-m", "skeldata", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"},
    )
    process.stdout.readline()
    process.stdout.close()
    assert process.wait() == 1
    assert b"Traceback" not in process.stderr.read()
    process.stderr.close()
