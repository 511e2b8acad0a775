"""``skeldata report`` as people and scripts see it."""

from skeldata.cli.report import report
from support.command_line import assert_one_error, run


def test_the_page_is_written_and_its_path_printed(ntu_store_path, tmp_path):
    out = tmp_path / "new" / "r.html"
    result = run(report, ntu_store_path, "-o", out)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{out}\n"
    assert result.stderr.startswith("drawing: 4/4 clips")
    assert out.read_text("utf-8").startswith("<!doctype html>")


def test_it_is_named_after_the_store(ntu_store_path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(report, ntu_store_path).stdout == "ntu.html\n"
    assert (tmp_path / "ntu.html").exists()


def test_what_is_no_store_exits_4(tmp_path):
    assert_one_error(run(report, tmp_path), 4, "zarr store")
    assert_one_error(run(report, tmp_path / "no.zarr"), 4, "no store at")


def test_help_gives_an_example():
    assert "  skeldata report ucla.zarr -o ucla.html" in run(report, "--help").stdout
