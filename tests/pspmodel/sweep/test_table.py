from pspmodel.sweep import table_text
from support.fake_runs import write_run


def test_a_column_without_copies_stands_where_there_are_copies(tmp_path):
    write_run(tmp_path / "b", ratio="0.15")
    assert "copies" not in table_text(tmp_path)
    write_run(tmp_path / "a", copies=(95, 369, 0.7))
    head, few, many = table_text(tmp_path).splitlines()
    place = head.index("last step, without copies")
    assert few[place:] == "70.0 (n = 1)"
    assert many[place:] == "-"
