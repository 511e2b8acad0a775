import pytest

from pspmodel.errors import ConfigError
from pspmodel.methods import METHODS
from pspmodel.methods.psp import PSPOptions
from pspmodel.recipe import load_config, recipe_names

DATASETS = ("ntu60", "ntu120", "nw-ucla")


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize("recipe", recipe_names())
def test_every_recipe_is_valid_for_every_dataset(recipe, dataset):
    config = load_config(recipe, dataset=dataset)
    METHODS[config.method].Options.model_validate(config.options)
    assert config.recipe == recipe


def test_psp_paper_and_psp_code_differ_where_paper_and_code_do():
    paper, code = (load_config(f"psp-{kind}", dataset="ntu60") for kind in ("paper", "code"))
    differing = {
        f"{section}.{key}"
        for section in ("data", "optim", "train", "held_out")
        for key in type(getattr(paper, section)).model_fields
        if getattr(getattr(paper, section), key) != getattr(getattr(code, section), key)
    }
    options = [PSPOptions.model_validate(config.options) for config in (paper, code)]
    differing |= {
        k for k in PSPOptions.model_fields if getattr(options[0], k) != getattr(options[1], k)
    }
    assert differing == {
        "optim.lr",
        "optim.weight_decay",
        "train.labelled_batch",
        "train.unlabelled_batch",
        "data.unlabelled",
        "data.absent_bodies",
        "train.steps_per_epoch",
        "contrast_weight",
        "attention_scale",
        "body_from",
    }


def test_published_numbers_of_the_recipes():
    paper = load_config("psp-paper", dataset="nw-ucla")
    assert (paper.optim.lr, paper.optim.weight_decay, paper.optim.warmup_epochs) == (0.06, 1e-4, 20)
    assert (paper.train.epochs, paper.optim.milestones) == (300, (76, 130))
    assert paper.train.labelled_batch == paper.train.unlabelled_batch == 128
    assert PSPOptions.model_validate(paper.options).joint_from_part == 0.1
    assert PSPOptions.model_validate(paper.options).joint_from_body == 0.2
    code = load_config("psp-code", dataset="ntu60")
    assert (code.train.labelled_batch, code.train.unlabelled_batch) == (9, 90)
    assert code.train.epochs * code.train.steps_per_epoch == 60_000
    assert PSPOptions.model_validate(code.options).temperature == 0.07


def test_overrides_win_over_dataset_tables_and_recipe():
    config = load_config(
        "psp-paper",
        dataset="nw-ucla",
        overrides=[
            "optim.lr=0.5",
            "train.precision=bf16",
            'data.unlabelled="all"',
            "optim.milestones=[1, 2]",
        ],
        seed=7,
    )
    assert config.optim.lr == 0.5
    assert config.train.precision == "bf16"
    assert config.data.unlabelled == "all"
    assert config.optim.milestones == (1, 2)
    assert config.seed == 7
    assert config.optim.weight_decay == 1e-4


def test_all_faults_come_at_once_with_the_nearest_name():
    with pytest.raises(ConfigError) as caught:
        load_config(
            "tiny",
            dataset="ntu60",
            overrides=["optim.lr=-1", "train.epoch=3", "data.unlabelled=some"],
        )
    message = str(caught.value)
    assert "optim.lr: Input should be greater than 0" in message
    assert "unknown key 'train.epoch'; did you mean 'epochs'?" in message
    assert "data.unlabelled" in message


@pytest.mark.parametrize(
    ("recipe", "overrides", "reason"),
    [
        ("tinny", [], "did you mean 'tiny'"),
        ("none.toml", [], "cannot read recipe none.toml"),
        ("tiny", ["optim.lr"], "is not key=value"),
        ("tiny", ["=3"], "is not key=value"),
    ],
)
def test_wrong_use_is_explained(recipe, overrides, reason):
    with pytest.raises(ConfigError, match=reason):
        load_config(recipe, dataset="ntu60", overrides=overrides)


def test_an_own_recipe_is_read_from_a_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'method = "psp"\n'
        "[optim]\nlr = 0.1\n[train]\nepochs = 2\nlabelled_batch = 4\nunlabelled_batch = 0\n"
    )
    config = load_config(path, dataset="nw-ucla")
    assert (config.recipe, config.train.labelled_batch) == ("mine", 4)
    path.write_text("[")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load_config(path, dataset="nw-ucla")


def test_recipes_extend_each_other(tmp_path):
    (tmp_path / "mine.toml").write_text('extends = "psp-paper"\n[optim]\nlr = 0.5\n')
    (tmp_path / "more.toml").write_text(f'extends = "{tmp_path}/mine.toml"\nseed = 3\n')
    config = load_config(tmp_path / "more.toml", dataset="nw-ucla")
    assert (config.optim.weight_decay, config.seed) == (1e-4, 3)
    # The base's table for a dataset is more special than the general one of what extends it.
    assert config.optim.lr == 0.06
    assert load_config(tmp_path / "more.toml", dataset="ntu60").optim.lr == 0.5
    (tmp_path / "a.toml").write_text(f'extends = "{tmp_path}/b.toml"\n')
    (tmp_path / "b.toml").write_text(f'extends = "{tmp_path}/a.toml"\n')
    with pytest.raises(ConfigError, match="in a circle: a -> b"):
        load_config(tmp_path / "a.toml", dataset="ntu60")
