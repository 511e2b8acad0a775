"""``skeldata export`` as scripts see it."""

import pickle

import h5py
import numpy as np
import pytest

from skeldata import open_store
from skeldata.cli.export import export
from skeldata.export import FORMATS
from support.command_line import assert_one_error, run


@pytest.mark.parametrize("to", FORMATS)
def test_every_format_is_written_and_its_path_printed(ntu_store_path, to, tmp_path):
    out = tmp_path / f"file.{to}"
    protocol = ["--protocol", "xview"] if to == "ctrgcn" else []
    result = run(export, ntu_store_path, "--to", to, "-o", out, *protocol)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{out}\n"
    assert "MB" in result.stderr
    store = open_store(ntu_store_path)
    if to == "h5":
        with h5py.File(out) as file:
            assert file["joint"].shape == store.read().shape
    elif to == "pyskl":
        assert len(pickle.loads(out.read_bytes())["annotations"]) == 60
    else:
        with np.load(out) as file:
            rows = file["x_train"] if to == "ctrgcn" else file["joint"][store.train_mask("xview")]
            assert rows.size == store.read()[store.train_mask("xview")].size
    again = run(export, ntu_store_path, "--to", to, "-o", out, *protocol)
    assert_one_error(again, 2, "already exists; add --overwrite")
    assert (
        run(export, ntu_store_path, "--to", to, "-o", out, *protocol, "--overwrite").exit_code == 0
    )


def test_wrong_use_exits_2_and_unreadable_stores_4(ntu_store_path, tmp_path):
    out = tmp_path / "x"
    assert run(export, ntu_store_path, "--to", "mat", "-o", out).exit_code == 2
    assert run(export, ntu_store_path, "--to", "npz").exit_code == 2
    result = run(export, ntu_store_path, "--to", "ctrgcn", "-o", out)
    assert_one_error(result, 2, "give --protocol, one of: xsub, xview")
    assert_one_error(run(export, tmp_path / "absent", "--to", "npz", "-o", out), 4, "no store at")
    assert list(tmp_path.iterdir()) == []


def test_help_names_every_format_and_says_what_ctrgcn_holds():
    shown = run(export, "--help").stdout
    for to in FORMATS:
        assert f"\n    {to} " in shown
    assert "not their unresampled, padded frames" in " ".join(shown.split())
    assert "  skeldata export ntu.zarr --to h5 -o ntu.h5" in shown
