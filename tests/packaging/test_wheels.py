"""What is in the wheels, and that versions and citation agree. Nothing is downloaded."""

import re
import subprocess
import sys
import zipfile
from email.parser import HeaderParser
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

import pspmodel
import skeldata

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = {"skeldata": skeldata.__version__, "pspmodel": pspmodel.__version__}


def sources(package):
    """Files of a package as they lie in the source tree, by their path in a wheel."""
    folder = ROOT / "packages" / package / "src"
    return {
        str(path.relative_to(folder))
        for path in (folder / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }


@pytest.fixture(scope="module", params=["skeldata", "pspmodel"])
def wheel(request, tmp_path_factory):
    """(package, paths in its wheel, its metadata)."""
    if find_spec("hatchling") is None:
        pytest.skip("hatchling, which builds the wheels, is not installed: make setup")
    out = tmp_path_factory.mktemp("wheels")
    folder = ROOT / "packages" / request.param
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", out], cwd=folder,
        check=True, capture_output=True,
    )  # fmt: skip
    (built,) = out.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        paths = set(archive.namelist())
        (name,) = (path for path in paths if path.endswith(".dist-info/METADATA"))
        return request.param, paths, HeaderParser().parsestr(archive.read(name).decode())


def test_every_source_file_is_in_the_wheel_and_nothing_else(wheel):
    package, paths, _ = wheel
    assert {path for path in paths if ".dist-info/" not in path} == sources(package)


def test_data_files_are_among_them(wheel):
    package, paths, _ = wheel
    wanted = {
        "skeldata": [
            "recipes/psp.toml",
            "official/ntu120.txt.gz",
            "official/nw-ucla.txt",
            "py.typed",
        ],
        "pspmodel": [
            "recipes/psp-code.toml",
            "recipes/ablations/psp.toml",
            "published.toml",
            "py.typed",
        ],
    }
    assert {f"{package}/{name}" for name in wanted[package]} <= paths


def test_licence_and_program_are_in_the_wheel(wheel):
    package, paths, metadata = wheel
    info = f"{package}-{VERSIONS[package]}.dist-info"
    assert f"{info}/licenses/LICENSE" in paths
    assert f"{info}/entry_points.txt" in paths
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Version"] == VERSIONS[package]
    assert metadata["Requires-Python"] == ">=3.11"


def test_every_extra_that_a_message_names_is_declared(wheel):
    package, _, metadata = wheel
    text = "".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "packages" / package / "src").rglob("*.py")
    )
    named = set(re.findall(rf"{package}\[(\w+)\]", text))
    assert named <= set(metadata.get_all("Provides-Extra"))
    assert named


def test_citation_has_the_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == skeldata.__version__ == pspmodel.__version__
    assert citation["license"] == "Apache-2.0"
    assert {"cff-version", "message", "title", "authors"} <= set(citation)


def test_constraints_are_sorted_and_exact():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert pins == sorted(pins, key=str.lower)
    assert all(pin.count("==") == 1 for pin in pins)
    names = [pin.partition("==")[0].lower() for pin in pins]
    assert len(names) == len(set(names))
