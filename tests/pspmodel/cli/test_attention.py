import pytest

from pspmodel.cli.attention import attention
from pspmodel.report import write_report
from pspmodel.train.loop import train
from pspmodel.train.setup import new_run
from support.command_line import assert_one_error
from support.command_line import run as run_command
from support.small_run import trained_run


def run(*arguments):
    return run_command(attention, *arguments)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, ntu_store_path):
    return trained_run(tmp_path_factory.mktemp("runs") / "run", ntu_store_path)


def test_one_picture_a_clip_with_names_in_any_spelling(folder, ntu_store):
    one, two, three = ntu_store.names[:3]
    expected = [folder / "attention" / f"{name}-joint.png" for name in (one, two, three)]
    for names in (["--names", one, two, three], ["--names", f"{one},{two}", "--names", three]):
        result = run(folder, *names)
        assert result.exit_code == 0, result.output
        assert sorted(result.stdout.split()) == sorted(map(str, expected))
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in expected)


def test_other_weights_streams_and_formats(tmp_path, folder, ntu_store):
    name = ntu_store.names[0]
    for checkpoint in ("last", "held_out_best"):
        out = tmp_path / f"{checkpoint}.svg"
        result = run(folder, "--names", name, "--checkpoint", checkpoint, "-o", out)
        assert result.stdout == f"{out}\n"
        assert "<svg" in out.read_text()
    result = run(folder, "--names", name, "--stream", "motion", "--format", "svg", "-o", tmp_path)
    assert result.stdout == f"{tmp_path / f'{name}-motion.svg'}\n"
    assert (tmp_path / f"{name}-motion.svg").read_text() != (tmp_path / "last.svg").read_text()


def test_attention_that_was_never_trained_is_said_to_be(tmp_path, ntu_store_path, ntu_store):
    folder = trained_run(tmp_path / "run", ntu_store_path, "train.unlabelled_batch=0")
    result = run(folder, "--names", ntu_store.names[0])
    assert result.exit_code == 0, result.output
    assert "its pyramid attention was never trained" in result.stderr


def test_wrong_requests_are_one_line(tmp_path, folder, ntu_store):
    name = ntu_store.names[0]
    assert_one_error(run(folder), 2, "give the clips to look at, e.g. --names S0")
    assert_one_error(run(folder, "--names", "S001"), 2, "no such sample")
    several = run(folder, "--names", name, ntu_store.names[1], "-o", tmp_path / "a.png")
    assert_one_error(several, 2, "is one file for 2 clips; give a folder")
    assert_one_error(run(tmp_path, "--names", name), 4, "no run at")
    bones = run(folder, "--names", name, "--stream", "bone")
    assert_one_error(bones, 2, "stream 'bone' is none of the run's; use joint or motion")


def test_a_method_without_maps_is_one_line(tmp_path, ntu_store_path, ntu_store):
    recipe = tmp_path / "plain.toml"
    recipe.write_text(
        'method = "supervised"\n[optim]\nlr = 0.1\n'
        "[train]\nepochs = 1\nsteps_per_epoch = 1\nlabelled_batch = 4\nunlabelled_batch = 0\n"
        "[network.dsta]\nblocks = [[8, 8, 4, 2]]\n"
    )
    started = new_run(
        ntu_store_path, ratio="0.2", recipe=str(recipe), out=tmp_path / "run", device="cpu"
    )
    write_report(started, train(started))
    result = run(tmp_path / "run", "--names", ntu_store.names[0])
    assert_one_error(result, 2, "method 'supervised' has no attention maps to draw")
