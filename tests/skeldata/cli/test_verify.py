"""``skeldata verify`` as scripts see it."""

import json

from skeldata import draw, open_store
from skeldata.cli.verify import verify
from skeldata.splits import write_split
from support.command_line import assert_one_error, run
from support.store_files import change, copied


def test_a_sound_store_exits_0_without_output(ntu_store_path):
    result = run(verify, ntu_store_path)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.splitlines()[-1] == f"{ntu_store_path}: 60 rows verified, sound"
    assert "verifying: 60/60 rows" in result.stderr


def test_findings_are_lines_on_standard_output_and_exit_4(ntu_store_path, tmp_path):
    store = copied(ntu_store_path, tmp_path)
    names = open_store(store).names
    name = names[7]

    def spoil(values):
        values[7] = 3

    change(store, "camera", spoil)
    (store / "motion/c/0/0/0/0/0").unlink()
    result = run(verify, store)
    assert result.exit_code == 4
    camera = int(name[5:8])
    assert result.stdout.splitlines() == [
        *([f"camera, row 7 ({name}): is 3, the name gives {camera}"] if camera != 3 else []),
        f"motion, block 0, row 0 ({names[0]}): the block is missing: "
        "no file motion/c/0/0/0/0/0 (and 59 more rows)",
    ]
    assert "60 rows verified" in result.stderr
    found = json.loads(run(verify, store, "--json").stdout)
    assert (found["rows"], len(found["findings"])) == (60, len(result.stdout.splitlines()))
    assert found["findings"][-1] | {"name": None} == {
        "array": "motion",
        "problem": "the block is missing: no file motion/c/0/0/0/0/0",
        "block": 0,
        "row": 0,
        "name": None,
        "rows": 60,
    }


def test_manifests_are_checked_with_the_store(ntu_store_path, tmp_path):
    foreign = write_split(draw("nw-ucla", "xview", "0.05"), tmp_path)
    result = run(verify, ntu_store_path, "--manifest", foreign)
    assert result.exit_code == 4
    assert "dataset is nw-ucla, not ntu60" in result.stdout
    absent = run(verify, ntu_store_path, "--manifest", tmp_path / "x.json")
    assert_one_error(absent, 2, "no such manifest")


def test_what_is_no_store_exits_4(tmp_path):
    assert_one_error(run(verify, tmp_path / "absent"), 4, "no store at")
    result = run(verify, tmp_path)
    assert result.exit_code == 4
    assert result.stdout.startswith(f"zarr.json: {tmp_path} is not a zarr store")
    assert len(result.stdout.splitlines()) == 1


def test_help_gives_an_example():
    assert "  skeldata verify ntu.zarr --manifest" in run(verify, "--help").stdout
