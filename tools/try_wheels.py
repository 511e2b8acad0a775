"""Install both wheels into empty environments of every supported Python, and try them.

Builds the wheels, then for each of Python 3.11 to 3.13 that is on this machine: a new environment,
skeldata with what it needs, its help, a split's digest, a store made of synthetic recordings, one
helpful line where an extra is missing; then pspmodel and its help. Needs a package index. torch is
hundreds of megabytes and its wheels are its makers' business: it is left out unless asked for.

Usage: python tools/try_wheels.py [--python PATH...] [--with-torch] [--constraints constraints.txt]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).resolve().parents[1]
VERSIONS = ("3.11", "3.12", "3.13")
DIGEST = "f30256136b3a52a4e44a22b43687caad41176dcb5e09975101c30c6fd63e4caa"  # SCHEMA.md's example


class Failed(Exception):
    """What went wrong in an environment."""


def build(folder: Path) -> tuple[Path, Path]:
    """Build the wheels of skeldata and pspmodel; their paths."""
    packages = [str(ROOT / "packages" / name) for name in ("skeldata", "pspmodel")]
    call([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), *packages])
    (skeldata,), (pspmodel,) = folder.glob("skeldata-*.whl"), folder.glob("pspmodel-*.whl")
    return skeldata, pspmodel


def interpreters() -> Iterator[tuple[str, str | None]]:
    """Each supported version and an interpreter of it, or None: from the path, pyenv or uv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for version in VERSIONS:
        found = [shutil.which(f"python{version}")]
        found += [str(path / "bin" / "python") for path in sorted(pyenv.glob(f"{version}.*"))]
        if shutil.which("uv"):
            found.append(_output(["uv", "python", "find", "--no-python-downloads", version]))
        yield version, next((p for p in found if p and _version(p) == version), None)


def _version(python: str) -> str:
    return _output([python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])


def _output(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""


def needs(wheel: Path, *, without: str = "") -> list[str]:
    """What a wheel requires without extras, save the distribution ``without`` and ours."""
    with ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        metadata = HeaderParser().parsestr(archive.read(name).decode())
    wanted = [text for text in metadata.get_all("Requires-Dist", []) if "extra ==" not in text]
    skipped = tuple(name for name in ("skeldata", without) if name)
    return [text for text in wanted if not text.startswith(skipped)]


def call(command: list[str], *, code: int = 0, says: str = "", folder: Path | None = None) -> str:
    """Run a command, which must end with ``code`` and print a line with ``says``; its output."""
    done = subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode != code or says not in done.stdout or "Traceback" in done.stdout:
        shown = " ".join(command)
        raise Failed(
            f"{shown}: exit code {done.returncode}, expected {code}"
            f"{f' and {says!r}' if says else ''}:\n{done.stdout[-2000:]}"
        )
    return done.stdout


def attempt(
    python: str, wheels: tuple[Path, Path], folder: Path, options: list[str], torch: bool
) -> None:
    """Install and try both wheels in a new environment."""
    skeldata, pspmodel = wheels
    call([python, "-m", "venv", str(folder)])
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    install = [
        str(programs / "python"),
        "-m",
        "pip",
        "install",
        "-q",
        "--disable-pip-version-check",
        *options,
    ]
    ours = str(programs / "skeldata")

    call([*install, str(skeldata)])
    call([ours, "--help"], says="prepare")
    show = [
        ours,
        "splits",
        "show",
        "--dataset",
        "nw-ucla",
        "--ratio",
        "0.05",
        "--seed",
        "0",
        "--digest",
    ]
    call(show, says=DIGEST)
    call([ours, "synth", "ucla", "--out", "fake.zip", "--samples", "12"], folder=folder)
    call([ours, "prepare", "ucla", "--raw", "fake.zip", "--out", "fake.zarr"], folder=folder)
    call([ours, "verify", "fake.zarr"], says="sound", folder=folder)
    for extra, arguments in {
        "h5": ["export", "fake.zarr", "--to", "h5", "-o", "fake.h5"],
        "view": ["view", "fake.zarr", "--classes", "-o", "fake.png"],
        "dask": ["prepare", "ucla", "--raw", "fake.zip", "--out", "x.zarr", "--dask", "tcp://x:1"],
    }.items():
        printed = call([ours, *arguments], code=2, says=f"skeldata[{extra}]", folder=folder)
        errors = [line for line in printed.splitlines() if line.startswith("error: ")]
        if len(errors) != 1:
            raise Failed(f"a missing [{extra}] must give one line, not:\n{printed}")

    if torch:
        call([*install, str(pspmodel)])
    else:
        call([*install, *needs(pspmodel, without="torch")])
        call([*install, "--no-deps", str(pspmodel)])
    call([str(programs / "pspmodel"), "--help"], says="train")
    if torch:
        call([str(programs / "pspmodel"), "doctor"], says="torch")


def main() -> int:
    """Build, try each Python, say what was found; 1 if something failed or nothing was tried."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--python", action="append", help="use this interpreter; may be repeated")
    parser.add_argument("--with-torch", action="store_true", help="install pspmodel with torch")
    parser.add_argument("--constraints", type=Path, help="versions, instead of the newest ones")
    chosen = parser.parse_args()
    options = ["-c", str(chosen.constraints.resolve())] if chosen.constraints else []
    pythons = [(_version(p), p) for p in chosen.python] if chosen.python else list(interpreters())
    tried = failed = 0
    with tempfile.TemporaryDirectory() as temporary:
        wheels = build(Path(temporary))
        print(*(wheel.name for wheel in wheels), sep="\n")
        for version, python in pythons:
            if python is None:
                print(f"Python {version}: not found on this machine")
                continue
            tried += 1
            try:
                attempt(
                    python, wheels, Path(temporary) / f"venv-{tried}", options, chosen.with_torch
                )
            except Failed as error:
                failed += 1
                print(f"Python {version} ({python}): FAILED: {error}")
            else:
                left = "" if chosen.with_torch else " (pspmodel without torch: its help only)"
                print(f"Python {version} ({python}): both wheels work{left}")
    return 1 if failed or not tried else 0


if __name__ == "__main__":
    sys.exit(main())
