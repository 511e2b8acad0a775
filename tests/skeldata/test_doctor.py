"""What the doctor finds, and in whose words."""

import os
import tomllib
from pathlib import Path

import pytest

from skeldata import doctor
from skeldata.parse import choice

PROJECT = Path(__file__).parents[2] / "packages/skeldata/pyproject.toml"


def by_topic(folder):
    return {check.topic: check for check in doctor.examine(folder)}


def test_extras_are_those_of_the_package():
    declared = tomllib.loads(PROJECT.read_text("utf-8"))["project"]["optional-dependencies"]
    names = {extra: {text.split(">=")[0] for text in texts} for extra, texts in declared.items()}
    assert {extra: set(known) for extra, (known, _) in doctor.EXTRAS.items()} == names


def test_a_missing_extra_says_what_it_would_bring_and_how_to_get_it():
    known = {"fast": (("numpy", "no-such-thing"), "speed"), "h5": (("numpy",), "files")}
    fast, h5 = doctor.extras("skeldata", known)
    assert fast == doctor.Check(
        "[fast]", "missing", "no no-such-thing", 'for speed: pip install "skeldata[fast]"'
    )
    assert h5.state == "ok"


def test_a_plain_parser_is_slow_and_the_reason_is_told(tmp_path, monkeypatch):
    plain = choice.load_parser("ntu", size=0)
    monkeypatch.setattr(choice, "load_parser", lambda family, size=0: plain)
    monkeypatch.setattr(doctor, "_version", lambda name: None)
    parser = by_topic(tmp_path)["parser"]
    assert parser.state == "slow"
    assert parser.value.startswith("python, ")
    assert "numba is not installed" in parser.value


def test_compiled_code_is_looked_for_where_it_is_kept(tmp_path, monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    assert doctor.compiled_at() is None
    assert by_topic(tmp_path)["compiled"].state in ("ok", "slow")  # loaded before, or kept nowhere
    kept = tmp_path / "cache" / "ntu_kernel-0.o"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"")
    os.utime(kept, (1e9, 1e9))
    assert doctor.compiled_at() == 1e9
    assert by_topic(tmp_path)["compiled"].state == "ok"


def test_a_containers_share_of_the_processor_is_seen(tmp_path, monkeypatch):
    (tmp_path / "max").write_text("max 100000\n")
    (tmp_path / "half").write_text("50000 100000\n")
    assert doctor.cpu_quota(tmp_path / "max") is None
    assert doctor.cpu_quota(tmp_path / "half") == 0.5
    assert doctor.cpu_quota(tmp_path / "no") is None
    monkeypatch.setattr(doctor, "cpu_quota", lambda: 0.5)
    found = doctor.cores()
    assert found.state == "slow"
    assert "--workers 1" in found.advice


def test_others_load_is_told(monkeypatch):
    monkeypatch.setattr(doctor, "cpu_quota", lambda: None)
    monkeypatch.setattr(os, "getloadavg", lambda: (900.0, 0.0, 0.0))
    assert doctor.cores().state == "slow"
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    assert doctor.cores().state == "ok"


@pytest.mark.parametrize(("kind", "slow"), [("nfs4", True), ("ext4", False)])
def test_a_network_file_system_is_slow(tmp_path, monkeypatch, kind, slow):
    mounts = tmp_path / "mounts"
    mounts.write_text(f"a / tmpfs rw 0 0\nb {tmp_path} {kind} rw 0 0\nc {tmp_path}/else xfs rw\n")
    inside = tmp_path / "stores"
    inside.mkdir()
    assert doctor.filesystem(inside, mounts) == kind
    assert doctor.filesystem(Path("/"), mounts) == "tmpfs"
    assert doctor.filesystem(inside, tmp_path / "no") is None
    monkeypatch.setattr(doctor, "filesystem", lambda folder: kind)
    assert ("disk kind" in by_topic(tmp_path)) == slow


def test_little_room_and_little_memory_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr(
        doctor.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 1 << 30})
    )
    monkeypatch.setattr(doctor, "memory_bytes", lambda: (1 << 29, 1 << 33))
    found = by_topic(tmp_path)
    assert found["disk"].state == "note"
    assert "1.0 GiB free" in found["disk"].value
    assert found["memory"].state == "slow"
    assert found["memory"].value == "0.5 of 8.0 GiB free"


def test_free_memory_is_less_than_all_of_it():
    free, total = doctor.memory_bytes()
    assert 0 < free <= total


def test_findings_are_aligned_and_advice_stands_below():
    checks = [doctor.Check("a", "ok", "1"), doctor.Check("long", "slow", "2", "do this")]
    assert list(doctor.lines(checks)) == [
        "ok       a     1",
        "slow     long  2",
        "               -> do this",
    ]
