"""``skeldata doctor`` as people and scripts see it."""

import json

from skeldata import __version__
from skeldata.cli.doctor import doctor
from support.command_line import run


def test_findings_are_shown_with_their_advice(tmp_path, monkeypatch):
    monkeypatch.setattr("skeldata.inflate.inflater_in_use", lambda: "zlib")
    result = run(doctor, "--folder", tmp_path)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert any(
        line.startswith("ok ") and f"skeldata    {__version__}"[:8] in line for line in lines
    )
    at = next(place for place, line in enumerate(lines) if "inflater" in line)
    assert lines[at].startswith("slow")
    assert lines[at + 1].strip() == '-> pip install "skeldata[fast]"'
    assert str(tmp_path) in result.stdout
    assert " slow, " in result.stderr


def test_json_has_every_finding(tmp_path):
    checks = json.loads(run(doctor, "--json", "--folder", tmp_path).stdout)["checks"]
    topics = [check["topic"] for check in checks]
    assert len(set(topics)) == len(topics)
    for topic in (
        "skeldata",
        "python",
        "[fast]",
        "[view]",
        "inflater",
        "parser",
        "cores",
        "memory",
        "disk",
    ):
        assert topic in topics
    assert {check["state"] for check in checks} <= {"ok", "note", "slow", "missing"}
    for check in checks:
        assert set(check) == {"topic", "state", "value", "advice"}
        assert check["advice"] or check["state"] not in ("slow", "missing")


def test_help_gives_an_example():
    assert "  skeldata doctor\n" in run(doctor, "--help").stdout
