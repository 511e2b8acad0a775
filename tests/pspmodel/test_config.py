import pytest
import torch
from click.testing import CliRunner

from pspmodel.cli.train import train
from pspmodel.errors import ConfigError
from pspmodel.methods import METHODS, DataFacts, build
from pspmodel.methods.psp import PSPOptions
from pspmodel.recipe import ablations, default_recipe, load_config, recipe_names
from skeldata import get_dataset

DATASETS = ("ntu60", "ntu120", "nw-ucla")


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize("recipe", recipe_names())
def test_every_recipe_is_valid_for_every_dataset(recipe, dataset):
    config = load_config(recipe, dataset=dataset)
    METHODS[config.method].Options.model_validate(config.options)
    assert config.recipe == recipe


def flattened(settings, path=""):
    """Every single setting by its dotted name."""
    if not isinstance(settings, dict):
        return {path: settings}
    found = {}
    for key, value in settings.items():
        found |= flattened(value, f"{path}.{key}" if path else key)
    return found


def whole(recipe, dataset="ntu60"):
    """All settings of a recipe, the options that it does not name included."""
    config = load_config(recipe, dataset=dataset)
    options = METHODS[config.method].Options.model_validate(config.options)
    return flattened(config.model_dump() | {"options": options.model_dump()})


def differing(first, second):
    """What two recipes set differently: name -> their two values."""
    first, second = whole(first), whole(second)
    assert first.keys() == second.keys()
    unlike = {name: (first[name], second[name]) for name in first if first[name] != second[name]}
    return {name: pair for name, pair in unlike.items() if name not in ("recipe", "summary")}


def test_psp_paper_and_psp_code_differ_where_paper_and_code_do():
    """Section by section as in the notes; decision 0007 lists the same."""
    assert differing("psp-paper", "psp-code") == {
        "optim.lr": (0.05, 0.01),  # 1
        "optim.weight_decay": (5e-4, 4e-4),  # 2
        "train.labelled_batch": (64, 9),  # 3
        "train.unlabelled_batch": (64, 90),
        "options.contrast_weight": (1.0, 0.2),  # 4
        "options.attention_scale": ("sqrt", "full"),  # 5
        "options.body_from": ("parts", "joints"),  # 6
        "data.unlabelled": ("rest", "all"),  # 7
        "network.dsta.temporal": ("attention", "convolution"),  # 8
        "options.attention_weights": ("full", "shared-over-time"),  # 14
        "train.steps_per_epoch": (0, 500),  # section 8 of the notes
        "data.absent_bodies": ("drop", "keep"),  # section 2
    }
    for silent in ("network.classifier", "options.projections"):  # 9: the paper does not say
        assert whole("psp-paper")[silent] == whole("psp-code")[silent] == "shared"


ABLATIONS = {  # what they change, to what
    "a1": {"method": "supervised"},
    "a2": {"options.attention": False},
    "a3": {},
    "b1": {"options.levels": ()},
    "b2": {"options.levels": ("joint",)},
    "b3": {"options.levels": ("part",)},
    "b4": {"options.levels": ("body",)},
    "b5": {"options.levels": ("joint", "part")},
    "b6": {"options.levels": ("joint", "body")},
    "b7": {"options.levels": ("part", "body")},
    "b8": {},
}


@pytest.mark.parametrize("recipe", ["psp-code", "psp-paper", "tiny"])
@pytest.mark.parametrize("row", ABLATIONS)
def test_an_ablation_changes_its_row_and_nothing_else(recipe, row):
    assert tuple(ablations("psp")) == tuple(ABLATIONS)
    for dataset in DATASETS:
        config = load_config(f"{recipe}+{row}", dataset=dataset)
        assert config.recipe == f"{recipe}+{row}"
        assert config.summary.startswith(load_config(recipe, dataset=dataset).summary)
        assert f"{row.upper()}, " in config.summary
    if row == "a1":
        before, after = (load_config(name, dataset="ntu60") for name in (recipe, f"{recipe}+a1"))
        assert (before.method, after.method) == ("psp", "supervised")
        ignored = {"method", "recipe", "summary", "options"}
        assert before.model_dump(exclude=ignored) == after.model_dump(exclude=ignored)
        assert after.options == {}
        return
    changed = differing(recipe, f"{recipe}+{row}")
    assert {name: after for name, (_, after) in changed.items()} == ABLATIONS[row]


def test_ablations_lie_between_the_tables_of_the_dataset_and_set(tmp_path):
    path = tmp_path / "a+b.toml"
    path.write_text(
        'extends = "tiny"\n[options]\nlevels = ["part"]\n'
        '[dataset.nw-ucla.options]\nlevels = ["body"]\ncontrast_weight = 0.5\n'
    )
    assert load_config(path, dataset="nw-ucla").options["levels"] == ["body"]
    config = load_config(f"{path}+b2+a2", dataset="nw-ucla", overrides=["train.epochs=3"])
    assert config.recipe == "a+b+b2+a2"
    assert config.options == {"levels": ["joint"], "attention": False, "contrast_weight": 0.5}
    assert config.train.epochs == 3
    config = load_config(f"{path}+b2", dataset="nw-ucla", overrides=['options.levels=["part"]'])
    assert config.options["levels"] == ["part"]


@pytest.mark.parametrize(
    ("recipe", "method", "reason"),
    [
        (
            "psp-code+b9",
            None,
            "recipe psp-code.b9: 'b9' is no ablation of method psp; it has a1, a2",
        ),
        ("psp-code+", None, "'' is no ablation of method psp"),
        ("psp-coed+b3", None, "did you mean 'psp-code'"),
        ("nw-ucla+b3", None, "no ablation of method stream-contrast; it has none"),
        ("psp-code+b3", "supervised", "no ablation of method supervised; it has none"),
        ("psp-code+a1+b3", None, "no ablation of method supervised; it has none"),
    ],
)
def test_ablations_of_something_else_are_refused(recipe, method, reason):
    with pytest.raises(ConfigError, match=reason):
        load_config(recipe, dataset="nw-ucla", method=method)


def test_help_lists_every_ablation():
    text = CliRunner().invoke(train, ["--help"]).output
    assert all(f"+{row} " in text for row in ABLATIONS)


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


def test_a_file_may_have_the_name_of_what_it_extends(tmp_path):
    (tmp_path / "tiny.toml").write_text('extends = "tiny"\n[optim]\nlr = 0.5\n')
    assert load_config(tmp_path / "tiny.toml", dataset="ntu60").optim.lr == 0.5
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "tiny.toml").write_text('extends = "../tiny.toml"\nseed = 3\n')
    config = load_config(tmp_path / "more" / "tiny.toml", dataset="ntu60")
    assert (config.recipe, config.optim.lr, config.seed) == ("tiny", 0.5, 3)


def test_extended_files_lie_beside_what_extends_them(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    for folder, lr in ((tmp_path, 0.3), (tmp_path / "here", 0.5)):
        (folder / "base1.toml").write_text(f'extends = "tiny"\n[optim]\nlr = {lr}\n')
    (tmp_path / "here" / "mine.toml").write_text('extends = "base1.toml"\n')
    monkeypatch.chdir(tmp_path)
    for path in (tmp_path / "here" / "mine.toml", "here/mine.toml"):
        assert load_config(path, dataset="ntu60").optim.lr == 0.5
    (tmp_path / "a.toml").write_text('extends = "here/../a.toml"\n')
    with pytest.raises(ConfigError, match=r"in a circle: a$"):
        load_config("a.toml", dataset="ntu60")


@pytest.mark.parametrize(
    "text", ['dataset = "ntu60"', 'dataset = {ntu60 = "x"}', "dataset.ntu60 = 3"]
)
@pytest.mark.parametrize("method", [None, "supervised"])
def test_a_dataset_that_is_no_table_is_explained(tmp_path, text, method):
    path = tmp_path / "mine.toml"
    path.write_text(f'extends = "tiny"\n{text}\n')
    with pytest.raises(ConfigError, match="recipe mine: dataset must be tables such as"):
        load_config(path, dataset="ntu60", method=method)


def test_a_stream_is_named_once():
    with pytest.raises(ConfigError, match=r"data\.streams: .*joint is there twice"):
        load_config("tiny", dataset="ntu60", overrides=['data.streams=["joint", "bone", "joint"]'])


def test_without_a_recipe_it_is_the_datasets_or_the_methods():
    assert default_recipe("nw-ucla") == "nw-ucla"
    assert {default_recipe(dataset) for dataset in ("ntu60", "ntu120")} == {"psp-code"}
    for method in sorted(METHODS):
        for dataset in DATASETS:
            config = load_config(default_recipe(dataset, method), dataset=dataset, method=method)
            assert config.method == method
            given = get_dataset(dataset)
            frames, streams = config.data.frames or 50, config.data.streams
            facts = DataFacts(dataset, given.layout, len(given.classes), 1, frames, streams)
            with torch.device("meta"):
                build(config, facts)
    assert default_recipe("nw-ucla", "psp") == "nw-ucla-psp"
    assert default_recipe("nw-ucla", "supervised") == "nw-ucla-supervised"


def test_another_method_does_not_get_the_recipes_options_and_stages():
    config = load_config("psp-paper", dataset="nw-ucla", method="supervised")
    assert config.options == {}
    assert config.optim.lr == 0.06
    staged = load_config("sds-cl", dataset="nw-ucla")
    assert set(staged.stage) == {"pretrain"}
    assert load_config("sds-cl", dataset="nw-ucla", method="psp").stage == {}
    same = load_config("psp-paper", dataset="nw-ucla", method="psp")
    assert same.options["joint_from_part"] == 0.1
    twin = load_config("nw-ucla-supervised", dataset="nw-ucla")
    assert (twin.method, twin.options) == ("supervised", {})
    ours = load_config("nw-ucla", dataset="nw-ucla")
    for section in ("data", "augment", "network", "classification", "optim", "train"):
        assert getattr(twin, section) == getattr(ours, section)
