import numpy as np
import pytest

from pspmodel.config import DataConfig, HeldOutConfig
from pspmodel.data.selection import choose_split, select
from pspmodel.errors import DataMismatchError, UsageError
from skeldata import draw

DATA = DataConfig()
HELD_OUT = HeldOutConfig()


def chosen(store, ratio="0.2", data=DATA, held_out=HELD_OUT, **options):
    options = {"protocol": "xsub", "seed": 0, "labels": None} | options
    protocol, split = choose_split(store, ratio=ratio, **options)
    return select(store, protocol, split, data, held_out)


def test_the_parts_are_what_they_say(ntu_store):
    selection = chosen(ntu_store)
    train = set(np.flatnonzero(ntu_store.train_mask("xsub")))
    labelled, held_out = set(selection.labelled), set(selection.held_out)
    assert labelled < train
    assert set(selection.test) == set(range(60)) - train
    assert set(selection.unlabelled) == train
    assert held_out
    assert held_out <= train - labelled
    assert {ntu_store.names[row] for row in labelled} == set(selection.split.names)
    subjects = ntu_store.column("subject")
    assert {int(subjects[row]) for row in held_out} <= set(selection.held_out_subjects)
    beyond = [row for row in train - labelled if subjects[row] in selection.held_out_subjects]
    assert set(beyond) == held_out


def test_rest_leaves_out_the_labelled(ntu_store):
    rest = chosen(ntu_store, data=DATA.model_copy(update={"unlabelled": "rest"}))
    everything = chosen(ntu_store)
    assert set(rest.unlabelled) == set(everything.unlabelled) - set(everything.labelled)


def test_the_split_is_skeldatas_draw(ntu_store):
    train = ntu_store.train_mask("xview")
    names = [n for n, inside in zip(ntu_store.names, train, strict=True) if inside]
    selection = chosen(ntu_store, protocol="xview", seed=3)
    assert selection.split.digest == draw("ntu60", "xview", "0.2", 3, names=names).digest


def test_labels_can_come_from_a_list(ntu_store, tmp_path):
    train = np.flatnonzero(ntu_store.train_mask("xsub"))
    names = sorted(ntu_store.names[row] for row in train[:5])
    (tmp_path / "own.txt").write_text("".join(f"{name}\n" for name in names))
    selection = chosen(ntu_store, ratio=None, labels=tmp_path / "own.txt")
    assert [ntu_store.names[row] for row in selection.labelled] == names
    test = ntu_store.names[int(np.flatnonzero(~ntu_store.train_mask("xsub"))[0])]
    (tmp_path / "own.txt").write_text(f"{test}\n")
    with pytest.raises(Exception, match=test) as caught:
        chosen(ntu_store, ratio=None, labels=tmp_path / "own.txt")
    assert caught.value.exit_code == 4


def test_wrong_requests_are_refused(ntu_store):
    for ratio, labels in ((None, None), ("0.2", "x.json")):
        with pytest.raises(UsageError, match="either --ratio"):
            chosen(ntu_store, ratio=ratio, labels=labels)
    with pytest.raises(UsageError, match=r"held_out\.subjects \[99\] are not among"):
        chosen(ntu_store, held_out=HeldOutConfig(subjects=(99,)))


def test_an_official_name_the_store_lacks_is_a_mismatch_when_none_is_left(ntu_store, tmp_path):
    lacking = next(
        name for name in ntu_store.dataset.official_names()
        if name not in ntu_store.names and ntu_store.dataset.protocol("xsub").is_train(ntu_store.dataset.require_name(name))
    )  # fmt: skip
    (tmp_path / "own.txt").write_text(f"{lacking}\n")
    with pytest.raises(DataMismatchError, match=r"labelled rows of .* is 0, expected at least 1"):
        chosen(ntu_store, ratio=None, labels=tmp_path / "own.txt")
