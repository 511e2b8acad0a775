"""Training and evaluation as a user runs them."""

import hashlib
import json
import pickle
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from pspmodel.cli import main
from skeldata import import_list, open_store, prepare
from skeldata.synth import write_ntu, write_ucla
from support.help_texts import leaves, options_without_help, shown_examples

SMALL = [
    *("--set", "network.dsta.blocks=[[8, 8, 4, 2], [8, 16, 4, 2]]"),
    *("--set", "train.epochs=2", "--set", "train.steps_per_epoch=3"),
    *("--set", "train.labelled_batch=4", "--set", "train.unlabelled_batch=4"),
]


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def train(store, out, *more):
    return run(
        "train", "--store", store, "--ratio", "0.2", "--recipe", "tiny", "--out", out, *SMALL, *more
    )


def assert_one_error(result, code, pattern):
    assert result.exit_code == code, result.output
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert re.search(pattern, errors[0]), errors[0]
    assert "Traceback" not in result.output


@pytest.fixture(scope="module")
def finished(tmp_path_factory, ntu_store_path):
    out = tmp_path_factory.mktemp("runs") / "one"
    result = train(ntu_store_path, out)
    assert result.exit_code == 0, result.output
    return out, result


def test_a_run_leaves_what_it_promises(finished, ntu_store):
    out, result = finished
    assert result.stdout == f"{out / 'report.html'}\n"
    assert sorted(path.name for path in out.iterdir()) == [
        "checkpoints", "config.json", "labelled.txt", "metrics.jsonl", "report.html", "report.json",
        "scores.npz",
    ]  # fmt: skip
    report = json.loads((out / "report.json").read_text())
    assert report["method"] == "psp"
    assert report["store_digest"] == ntu_store.content_digest
    assert report["split_digest"] in result.stderr
    assert set(report["accuracy"]) == {"last", "held_out_best", "test_oracle"}
    assert all(0 <= value <= 1 for value in report["accuracy"].values())
    assert report["finished"]
    page = (out / "report.html").read_text()
    assert report["split_digest"] in page
    assert page.count("data:image/png;base64,") == 3
    assert not re.search(r'(src|href)="?http', page)


def test_evaluate_finds_the_reported_accuracy(finished):
    out, _ = finished
    report = json.loads((out / "report.json").read_text())
    for checkpoint in ("last", "held_out_best"):
        result = run("evaluate", out, "--checkpoint", checkpoint, "--json")
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["top1"] == pytest.approx(report["accuracy"][checkpoint])
    assert re.match(r"last \(step 6\): top-1 [\d.]+%", run("evaluate", out).stdout)


def test_steps_stop_early_and_resume_goes_on(tmp_path, ntu_store_path, finished):
    out = tmp_path / "run"
    first = train(ntu_store_path, out, "--steps", 2)
    assert first.exit_code == 0, first.output
    assert "2 of 6 steps; --resume continues" in first.stderr
    assert not json.loads((out / "report.json").read_text())["finished"]
    second = train(ntu_store_path, out, "--resume")
    assert second.exit_code == 0, second.output
    mine, undisturbed = (json.loads((f / "report.json").read_text()) for f in (out, finished[0]))
    assert mine["accuracy"] == undisturbed["accuracy"]
    assert_one_error(
        train(ntu_store_path, out), 2,
        r"holds a run already; add --resume .* another --out .*on \S+ntu\.zarr, content \w{12}\)",
    )  # fmt: skip
    assert_one_error(
        train(ntu_store_path, out, "--seed", "7"), 2,
        r"on this store with another config\.seed \(0; here 7\); choose another --out",
    )  # fmt: skip


def test_a_folder_with_a_run_on_another_store_says_which(
    tmp_path, monkeypatch, finished, ntu_store, ntu_store_path
):
    write_ntu(tmp_path / "raw", 40, seed=8, actions=[5, 9])
    prepare("ntu", [tmp_path / "raw"], tmp_path / "other.zarr")
    digest = open_store(tmp_path / "other.zarr").content_digest
    result = train(tmp_path / "other.zarr", finished[0])
    assert_one_error(
        result, 2,
        rf"on another store \({ntu_store_path}, content {ntu_store.content_digest[:12]}; here "
        rf"\S+/other\.zarr, content {digest[:12]}\); choose another --out",
    )  # fmt: skip
    result = train(tmp_path / "other.zarr", finished[0], "--resume")
    assert_one_error(
        result, 4,
        rf"store_digest of \S+/other\.zarr is {digest}, .* is on {ntu_store_path}: give that store",
    )  # fmt: skip
    # Names of folders do not tell stores apart, so the two meet here too.
    monkeypatch.chdir(tmp_path)
    words = ["train", "--ratio", "0.2", "--recipe", "tiny", *SMALL, "--steps", "1"]
    assert run(*words, "--store", ntu_store_path).exit_code == 0
    assert_one_error(run(*words, "--store", "other.zarr"), 2, "on another store")
    assert run(*words, "--store", "other.zarr", "--out", "runs/other").exit_code == 0


@pytest.mark.parametrize("kind", ["csv", "json", "pkl", "txt"])
def test_labels_may_be_any_list_that_import_reads(tmp_path, ntu_store, ntu_store_path, kind):
    names = [n for n, t in zip(ntu_store.names, ntu_store.train_mask("xsub"), strict=True) if t]
    chosen = names[-3::-4]
    contents = {
        "csv": "sample;label\r\n" + "".join(f"raw/{n}.skeleton;x\r\n" for n in chosen),
        "json": json.dumps({"names": chosen}),
        "txt": "# by hand\n" + "".join(f"{n}.skeleton 4\n" for n in chosen),
    }
    file = tmp_path / f"labels.{kind}"
    if kind == "pkl":
        file.write_bytes(pickle.dumps((chosen, [0] * len(chosen))))
    else:
        file.write_text(contents[kind])
    result = run("train", "--store", ntu_store_path, "--labels", file, "--recipe", "tiny", *SMALL,
                 "--out", tmp_path / "run", "--steps", "1", "--device", "cpu")  # fmt: skip
    assert result.exit_code == 0, result.output
    assert (tmp_path / "run" / "labelled.txt").read_text().split() == sorted(chosen)
    split = import_list(file, source="x", dataset="ntu60", protocol="xsub")
    assert f"split {split.digest}\n" in result.stderr
    assert "note: 56 classes have no labelled name" in result.stderr
    assert run("evaluate", tmp_path / "run").exit_code == 0


def test_a_list_with_a_fault_names_its_line(tmp_path, ntu_store, ntu_store_path):
    test = [n for n, t in zip(ntu_store.names, ntu_store.train_mask("xsub"), strict=True) if not t]
    (tmp_path / "l.csv").write_text(f"name\n{test[0]}\nx1\n")
    words = ["train", "--store", ntu_store_path, "--out", tmp_path / "run", "--labels"]
    asked = run(*words, tmp_path / "l.csv", "--protocol", "xsub")
    assert_one_error(
        asked, 4, r"l\.csv, line 2: \S+ is no training sample .*; 1 more, `skeldata splits"
    )
    assert_one_error(run(*words, tmp_path / "no.csv"), 4, r"no\.csv: cannot read the list")
    (tmp_path / "l.csv").write_text(f"name\n{test[0]}\n")
    unsaid = run(*words, tmp_path / "l.csv")
    assert_one_error(unsaid, 4, r"1 test names, .* say which one it is of with --protocol")
    assert not (tmp_path / "run").exists()


def test_few_labels_are_told_with_their_true_share(finished, ntu_store):
    train = int(ntu_store.train_mask("xsub").sum())
    told = f"note: 1 labelled clip a class: 4 of {train} training clips are labelled, {400 / train:.1f} %"
    assert f"{told}, not the 20 % asked for\n" in finished[1].stderr
    report = json.loads((finished[0] / "report.json").read_text())
    assert told.removeprefix("note: ") in report["warnings"][0]


def test_wrong_requests_are_one_line(tmp_path, ntu_store_path, finished):
    out = tmp_path / "run"
    cases = [
        (["train", "--store", tmp_path / "no.zarr", "--ratio", "0.1"], 4, "no store at"),
        (["train", "--store", ntu_store_path], 2, "either --ratio"),
        (["train", "--store", ntu_store_path, "--ratio", "1.5"], 2, "1.5"),
        (
            ["train", "--store", ntu_store_path, "--ratio", "0.1", "--protocol", "xset"],
            2,
            "no protocol 'xset'",
        ),
        (
            ["train", "--store", ntu_store_path, "--ratio", "0.1", "--recipe", "tinny"],
            2,
            "did you mean 'tiny'",
        ),
        (
            ["train", "--store", ntu_store_path, "--ratio", "0.1", "--set", "optim.l=1"],
            2,
            "unknown key 'optim.l'",
        ),
        (
            ["train", "--store", ntu_store_path, "--ratio", "0.1", "--method", "pps"],
            2,
            "unknown method 'pps'",
        ),
        (["evaluate", tmp_path / "none"], 4, "no run at"),
    ]
    for arguments, code, pattern in cases:
        more = ["--out", out] if arguments[0] == "train" else []
        assert_one_error(run(*arguments, *more), code, pattern)
    assert not out.exists()


def test_a_wrong_store_is_refused_with_both_values(tmp_path, finished):
    write_ucla(tmp_path / "ucla", 40, seed=0)
    prepare("ucla", [tmp_path / "ucla"], tmp_path / "u.zarr")
    assert_one_error(
        run("evaluate", finished[0], "--store", tmp_path / "u.zarr"), 4,
        r"dataset of .*u\.zarr is nw-ucla, expected ntu60",
    )  # fmt: skip
    write_ntu(tmp_path / "ntu", 40, seed=8, actions=[5, 9])
    prepare("ntu", [tmp_path / "ntu"], tmp_path / "n.zarr")
    result = run("evaluate", finished[0], "--store", tmp_path / "n.zarr")
    assert_one_error(result, 4, r"store_digest of .*n\.zarr is \w{64}, expected \w{64}")


def test_one_person_and_twenty_joints_train_too(tmp_path):
    write_ucla(tmp_path / "ucla", 60, seed=0)
    prepare("ucla", [tmp_path / "ucla"], tmp_path / "u.zarr")
    result = train(tmp_path / "u.zarr", tmp_path / "run", "--steps", 2)
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(("name", "command"), list(leaves(main, "pspmodel")))
def test_help_says_something_of_every_option_and_has_an_example(name, command):
    assert options_without_help(command) == []
    assert shown_examples(command, name)


def test_help_needs_no_torch():
    program = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from pspmodel.cli import main\n"
        "assert CliRunner().invoke(main, ['train', '--help']).exit_code == 0\n"
        "heavy = {'torch', 'numpy', 'zarr', 'matplotlib', 'pydantic'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_finished_run_is_left_alone_and_time_adds_up(ntu_store_path, tmp_path):
    words = ["train", "--store", ntu_store_path, "--ratio", "0.2", "--recipe", "tiny", *SMALL,
             "--out", tmp_path / "run", "--device", "cpu"]  # fmt: skip
    first = run(*words, "--steps", "1", "--resume")
    assert "holds no checkpoint to go on from; starting with step 0" in first.stderr
    seconds = json.loads((tmp_path / "run" / "report.json").read_text())["seconds"]
    assert seconds > 0
    second = run(*words, "--resume")
    assert "holds no checkpoint" not in second.stderr
    report = (tmp_path / "run" / "report.json").read_bytes()
    assert json.loads(report)["seconds"] > seconds
    third = run(*words, "--resume")
    assert third.exit_code == 0
    assert "is finished already" in third.stderr
    assert third.stdout.strip() == str(tmp_path / "run" / "report.html")
    assert (tmp_path / "run" / "report.json").read_bytes() == report


def test_what_was_trained_on_has_a_digest_of_its_own(ntu_store, ntu_store_path, tmp_path):
    names = sorted(
        n for n, t in zip(ntu_store.names, ntu_store.train_mask("xsub"), strict=True) if t
    )
    listed = [*names[:5], "S017C003P020R002A060"]
    (tmp_path / "mine.txt").write_text("".join(f"{n}\n" for n in sorted(listed)))
    result = run("train", "--store", ntu_store_path, "--labels", tmp_path / "mine.txt",
                 "--recipe", "tiny", *SMALL, "--out", tmp_path / "run", "--steps", "1",
                 "--device", "cpu")  # fmt: skip
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    labelled = hashlib.sha256((tmp_path / "run" / "labelled.txt").read_bytes()).hexdigest()
    assert report["labelled_digest"] == labelled != report["split_digest"]
    assert f"trained on {labelled}, 5 of its 6 names" in result.stderr
    again = run("evaluate", tmp_path / "run", "--json")
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout)["split_digest"] == report["split_digest"]


def test_before_the_last_stage_no_accuracy_is_reported(ntu_store_path, tmp_path):
    stages = [
        *("--set", "stage.pretrain.train.epochs=2"),
        *("--set", "stage.pretrain.train.steps_per_epoch=2"),
        *("--set", "stage.pretrain.train.unlabelled_batch=4"),
        *("--set", "train.epochs=1", "--set", "train.steps_per_epoch=2"),
        *("--set", "train.labelled_batch=4"),
    ]
    words = ["train", "--store", ntu_store_path, "--ratio", "0.2", "--recipe", "sds-cl", *stages,
             *("--set", "network.dsta.blocks=[[8, 8, 4, 2], [8, 16, 4, 2]]"),
             "--device", "cpu", "--out", tmp_path / "run"]  # fmt: skip
    result = run(*words, "--steps", "4")
    assert result.exit_code == 0, result.output
    assert "no accuracy yet: the classifier is trained in a later stage\n" in result.stderr
    assert not (tmp_path / "run" / "report.json").exists()
    assert not (tmp_path / "run" / "scores.npz").exists()
    assert "not finished" in (tmp_path / "run" / "report.html").read_text()
    page = tmp_path / "page.html"
    told = run("report", tmp_path / "run", "-o", page)
    assert told.exit_code == 3, told.output
    result = run(*words, "--resume", "--steps", "5")
    assert re.search(r"last \d+\.\d %, .* oracle \d+\.\d %", result.stderr), result.output
