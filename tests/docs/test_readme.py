"""The README's commands run, in its order, and print what it says; its Python runs behind them.

Its blocks are plain ones, as code hosts show them best, so what is not run is named here.
"""

import os
import re
import shutil
import zipfile
from dataclasses import replace

import pytest

from skeldata import draw
from skeldata.datasets import get_dataset
from skeldata.synth import ntu_bytes, ucla_bytes
from skeldata.synth.choose import choose_names
from support.pages import ROOT, Block, agrees, blocks, commands, run

REAL = os.environ.get("NW_UCLA_ZIP")
README = (ROOT / "README.md").read_text(encoding="utf-8")
NOT_RUN = {
    "make demo": "minutes; a target of the Makefile, which installs first",
    "make test": "this very suite",
    ". .venv/bin/activate": "of the shell that reads the README",
    "pspmodel bench --quick": "a minute; tests/pspmodel/cli/test_bench.py",
    "torchrun --nproc-per-node 2 -m pspmodel train ...": "no command; tests/ddp/test_torchrun.py",
}
# Networks of full width and batches of hundreds of clips are for those who mean it.
SMALL = [
    part
    for text in (
        "network.dsta.blocks=[[8, 8, 4, 2], [8, 16, 4, 2]]", "train.labelled_batch=4",
        "train.unlabelled_batch=4", "train.precision=fp32",
    ) for part in ("--set", text)
]  # fmt: skip


def shown() -> list[Block]:
    """The blocks, those that begin with a prompt as console blocks."""
    return [
        replace(block, language="console", text=block.text.replace("\n\n$ ", "\n$ "))
        if not block.language and block.text.startswith("$ ")
        else block
        for block in blocks(README)
    ]


def without_remark(command: str) -> str:
    """A command without the remark behind it."""
    return re.split(r" {2,}# ", command)[0].rstrip()


def write_recordings(folder):
    """Stand-ins for the downloads: some of the real names, and those that the README names."""
    named = set(re.findall(r"\ba\d{2}_s\d{2}_e\d{2}_v\d{2}\b", README))
    ucla = named | {*draw("nw-ucla", "xview", "5%").names}
    ucla |= {*get_dataset("nw-ucla").official_names()[::8]}
    recordings = {
        "all_sqe.zip": {f"all_sqe/{name}.json": ucla_bytes(name) for name in sorted(ucla)}
    }
    for part, dataset, setups in (
        ("001_to_s017", "ntu60", range(1, 18)),
        ("018_to_s032", "ntu120", range(18, 33)),
    ):
        names = [n for n in choose_names(get_dataset(dataset), 400) if int(n[1:4]) in setups][:12]
        recordings[f"nturgbd_skeletons_s{part}.zip"] = {
            f"nturgb+d_skeletons/{name}.skeleton": ntu_bytes(name) for name in names
        }
    for zip_name, members in recordings.items():
        with zipfile.ZipFile(folder / zip_name, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in members.items():
                archive.writestr(name, data)
    if REAL:
        (folder / "all_sqe.zip").unlink()
        os.symlink(REAL, folder / "all_sqe.zip")


def make_what_it_names(command, folder):
    """What a command takes for granted that no command before it has made."""
    if command.startswith("skeldata diff a.zarr b.zarr"):
        for name in ("a.zarr", "b.zarr"):
            shutil.copytree(folder / "ucla.zarr", folder / name)
    elif command.startswith("pspmodel fuse runs/"):
        for stream in re.findall(r"runs/(\w+)", command):
            words = (
                "pspmodel train --store ucla.zarr --ratio 0.05 --method supervised --recipe tiny"
            )
            alone = f"--out runs/{stream} --set 'data.streams=[\"{stream}\"]'"
            run(f"{words} {alone}", folder, "sh", SMALL)
    elif " RUN " in command:
        (made,) = (folder / "runs").glob("*psp-code+b3*")
        (folder / "RUN").symlink_to(made)


def runnable():
    """(command, what the README says it prints) of every command that is run."""
    for block in shown():
        if block.language in ("console", "sh"):
            for command, said in commands(block):
                if without_remark(command) not in NOT_RUN:
                    yield without_remark(command), said


@pytest.mark.skipif(not shutil.which("sh"), reason="needs sh")
def test_its_commands_run_and_its_python_behind_them(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    write_recordings(tmp_path)
    for command, said in runnable():
        make_what_it_names(command, tmp_path)
        printed = run(command, tmp_path, "sh", SMALL)
        if said is not None and (REAL or command.startswith("skeldata splits ")):
            numbers = not command.startswith("pspmodel")  # of a short training
            assert agrees(printed, said, numbers=numbers), f"{command}\n{printed}"
    monkeypatch.chdir(tmp_path)
    (code,) = (block for block in blocks(README) if block.language == "python")
    names = {"__name__": "page"}
    exec(compile(code.text, f"README.md:{code.line}", "exec"), names)
    assert names["joints"].shape == (50, 1, 50, 20, 3)
    assert len(names["labels"]) == 50


def test_most_of_it_is_run_and_the_rest_is_there():
    every = [
        without_remark(command)
        for block in shown() if block.language in ("console", "sh")
        for command, _ in commands(block)
    ]  # fmt: skip
    assert set(NOT_RUN) <= set(every)
    assert len(list(runnable())) == len(every) - len(NOT_RUN) >= 15
    assert all(block.language in ("console", "sh", "python") for block in shown())
