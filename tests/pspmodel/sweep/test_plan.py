import pytest

from pspmodel.errors import ConfigError, UsageError
from pspmodel.sweep import plan_sweep
from skeldata.errors import StoreError
from skeldata.errors import UsageError as DataUsageError
from support.small_run import SMALL


def test_every_combination_once_whole_draws_first(ntu_store_path, tmp_path):
    plan = plan_sweep(
        ntu_store_path,
        recipes=["tiny", "psp-code"],
        ratios=["0.2", "40%"],
        split_seeds=[3, 1],
        seeds=[0, 7],
        out=tmp_path / "out",
    )
    found = [(r.split_seed, r.ratio, r.recipe, r.seed) for r in plan.runs]
    assert len(set(found)) == len(found) == 16
    assert set(found) == {
        (d, r, n, s) for d in (1, 3) for r in ("0.2", "0.4") for n in ("tiny", "psp-code") for s in (0, 7)
    }  # fmt: skip
    assert [draw for draw, *_ in found] == [3] * 8 + [1] * 8
    assert plan.runs[0].name == "ntu60-xsub-tiny-0.2-split3-seed0"
    assert plan.protocol == "xsub"
    assert not plan.out.exists()
    digests = {(run.split_seed, plan.identity[run.name]["split_digest"]) for run in plan.runs}
    assert len({digest for _, digest in digests}) == len(digests) == 2


def test_ratios_are_exact_and_the_same_one_is_one(ntu_store_path):
    plan = plan_sweep(ntu_store_path, recipes=["tiny"], ratios=["0.20", "20%"])
    assert [run.ratio for run in plan.runs] == ["0.2"]


def test_wrong_arguments_are_known_before_the_first_run(ntu_store_path, tmp_path):
    recipe = tmp_path / "tiny.toml"
    recipe.write_text('method = "supervised"\n'
                      "[optim]\nlr = 0.1\n[train]\nepochs = 1\nlabelled_batch = 4\nunlabelled_batch = 0\n")  # fmt: skip
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.json").write_text("{}")
    good = {"recipes": ["tiny"], "ratios": ["0.2"]}
    cases = [
        ({"recipes": ["tinny"]}, ConfigError, "did you mean 'tiny'"),
        ({"recipes": []}, UsageError, "--recipe names none"),
        ({"ratios": []}, UsageError, "--ratios names none"),
        ({"ratios": ["1.2"]}, DataUsageError, r"1\.2"),
        ({"protocol": "xset"}, DataUsageError, "no protocol 'xset'"),
        ({"overrides": ["optim.l=1"]}, ConfigError, "unknown key 'optim.l'"),
        ({"overrides": ["options.contrast=1"]}, ConfigError, "options of psp: unknown key"),
        ({"overrides": ["method=pps"]}, ConfigError, "unknown method 'pps'"),
        ({"recipes": ["tiny", str(recipe)]}, UsageError, "have one name; rename a file"),
        ({"out": run}, UsageError, "is the folder of a run"),
    ]
    for change, kind, expected in cases:
        with pytest.raises(kind, match=expected):
            plan_sweep(ntu_store_path, **{**good, **change})
    with pytest.raises(StoreError, match="no store at"):
        plan_sweep(tmp_path / "none.zarr", **good)


def test_settings_reach_every_run(ntu_store_path):
    plan = plan_sweep(ntu_store_path, recipes=["tiny"], ratios=["0.2"], seeds=[4], overrides=SMALL)
    (identity,) = plan.identity.values()
    assert identity["config"]["train"]["epochs"] == 2
    assert identity["config"]["seed"] == 4
