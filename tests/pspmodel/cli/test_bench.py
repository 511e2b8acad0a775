import json
import re

import pytest
from click.testing import CliRunner

from pspmodel.cli.bench import bench
from skeldata.commandline import CommandGroup

SMALL = ("--labelled", "1", "--unlabelled", "4", "--width", "0.0625", "--steps", "1")


def run(*arguments):
    group = CommandGroup(name="pspmodel", commands={"bench": bench})
    return CliRunner().invoke(group, ["bench", *(str(argument) for argument in arguments)])


@pytest.fixture(scope="module")
def report():
    result = run(*SMALL, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout), result.stderr


def test_the_report_for_scripts(report):
    content, _ = report
    assert [row["name"] for row in content["figures"]] == ["baseline", "fp32", "bf16"]
    assert content["differences"] == []
    assert max(content["exact"]) < 1e-6
    assert (content["labelled"], content["unlabelled"], content["rounds"]) == (1, 4, 1)
    assert content["absent"] == pytest.approx(0.4)
    baseline, fp32, bf16 = content["figures"]
    assert baseline["ratio"] == baseline["evaluation_ratio"] == 1
    for row in content["figures"]:
        assert row["clips_per_second"] == pytest.approx(5 / row["step_seconds"])
        assert row["flop_per_second"] == pytest.approx(row["flop"] / row["step_seconds"])
        assert row["ratio"] == pytest.approx(baseline["step_seconds"] / row["step_seconds"])
        assert row["cpu_ratio"] == pytest.approx(baseline["cpu_seconds"] / row["cpu_seconds"])
        assert row["peak_bytes"] is None or row["peak_bytes"] > 100 * 2**20
    assert baseline["launches"] > 2 * fp32["launches"]
    assert baseline["flop"] > fp32["flop"] == bf16["flop"]


def test_progress_is_for_people(report):
    _, stderr = report
    assert "checking that both compute the same" in stderr
    assert "baseline: warming up" in stderr
    assert "measurements" in stderr


def test_the_report_for_people():
    result = run(*SMALL, "--precision", "fp32")
    assert result.exit_code == 0, result.output
    assert re.search(r"^psp-code, [\d,]+ parameters, random clips, 80% of one person: "
                     r"1 labelled \+ 4 unlabelled a step, 40% of the bodies absent$",
                     result.stdout, re.MULTILINE)  # fmt: skip
    assert re.search(r"^equal to the baseline: in float64 losses to \de-\d\d", result.stdout, re.M)
    rows = {line.split()[0]: line for line in result.stdout.splitlines() if line}
    assert "bf16" not in rows
    for name in ("baseline", "fp32"):
        assert re.search(
            r"\d (ms|s) .* [\d,]+ MB( +\d+\.\d\d){2} +[\d,.]+/s +\d+\.\d\d$", rows[name]
        )


def test_a_store_and_other_mathematics(ntu_store_path):
    result = run(*SMALL, "--store", ntu_store_path, "--precision", "bf16",
                 "--set", "data.absent_bodies=drop", "--json")  # fmt: skip
    assert result.exit_code == 0, result.output
    content = json.loads(result.stdout)
    assert content["differences"] == ["data.absent_bodies is drop, not keep"]
    assert content["exact"] is None
    assert content["clips"] == ntu_store_path.name
    text = run(*SMALL, "--precision", "bf16", "--set", "data.absent_bodies=drop")
    assert "not compared with the baseline: data.absent_bodies is drop, not keep" in text.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--store", "x.zarr", "--synthetic"), "--synthetic and --store were both given"),
        (("--precision", "fp32,fp8"), "--precision 'fp8' is unknown; use fp32, bf16"),
        (("--width", "0"), "width 0.0 is not positive"),
        (("--recipe", "psp-coed"), "did you mean 'psp-code'"),
    ],
)
def test_wrong_use_is_one_line(arguments, message):
    result = run(*arguments)
    assert result.exit_code == 2
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert message in errors[0]


def test_help_shows_the_way():
    result = run("--help")
    assert "pspmodel bench --quick" in result.stdout
