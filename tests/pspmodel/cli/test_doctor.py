"""``pspmodel doctor`` as people and scripts see it."""

import json

import torch

from pspmodel.cli.doctor import doctor
from support.command_line import run


def test_findings_are_shown_and_the_exit_code_is_0():
    result = run(doctor)
    assert result.exit_code == 0, result.output
    assert torch.__version__ in result.stdout
    assert torch.backends.cpu.get_cpu_capability() in result.stdout
    assert " slow, " in result.stderr


def test_json_has_every_finding():
    checks = json.loads(run(doctor, "--json").stdout)["checks"]
    topics = [check["topic"] for check in checks]
    assert len(set(topics)) == len(topics)
    for topic in (
        "pspmodel",
        "torch",
        "cpu",
        "threads",
        "bf16 on cpu",
        "torch.compile",
        "[analysis]",
    ):
        assert topic in topics
    for check in checks:
        assert check["advice"] or check["state"] not in ("slow", "missing")


def test_help_gives_an_example():
    assert "  pspmodel doctor\n" in run(doctor, "--help").stdout
