from importlib import resources

import pytest
from pydantic import ValidationError

from skeldata import RecipeError, load_recipe
from skeldata.recipe import Recipe, recipe_names


def write(tmp_path, change, name="psp"):
    text = resources.files("skeldata").joinpath(f"recipes/{name}.toml").read_text()
    path = tmp_path / "own.toml"
    path.write_text(change(text))
    return path


def test_shipped_recipes_load_and_are_named_like_their_files():
    assert "psp" in recipe_names()
    for name in recipe_names():
        assert load_recipe(name).name == name


def test_the_digest_follows_the_content_not_the_layout(tmp_path):
    same = load_recipe(write(tmp_path, lambda text: text.replace(" = ", "=") + "\n# more\n"))
    assert same.digest == load_recipe("psp").digest
    other = load_recipe(write(tmp_path, lambda text: text.replace("0.85", "0.8")))
    assert other.digest != load_recipe("psp").digest
    assert load_recipe("psp", frames=64).digest != load_recipe("psp").digest


def test_all_faults_are_told_at_once(tmp_path):
    path = write(
        tmp_path,
        lambda text: text.replace("keep_ratio = 0.85", "keep_ratio = 3\nfoo = 1").replace(
            "frames = 50", ""
        ),
    )
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    for part in ("frames", "selector.keep_ratio", "selector.foo"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t: t.replace("scale = [0, 20]", "scale = [0, 25]"), "kinect25 has no joint 25"),
        (lambda t: t.replace("kinect20", "kinect21"), "unknown layout 'kinect21'"),
        (lambda t: t + "[", "not valid TOML"),
        (
            lambda t: t.replace('kind = "energy"', 'kind = "magic"'),
            r"selector.kind: 'magic'; use one of 'energy', 'tracks'",
        ),
        (lambda t: t.replace('kind = "energy"', ""), "selector.kind: Field required"),
        (
            lambda t: t.replace('kind = "axes"', 'kind = "turn"'),
            r"normalise.kinect25.rotation.kind: 'turn'; use one of 'axes', 'vertical'",
        ),
        (
            lambda t: t.replace("x = [20, 5]", "x = [20, 99]"),
            "normalise.kinect25.rotation.x: kinect25 has no joint 99, only 0..24",
        ),
        (
            lambda t: t.replace("reference_joint = 0", "reference_joint = 24"),
            "selector.reference_joint: kinect20 has no joint 24",
        ),
        (
            lambda t: t.replace("scale = [0, 2]", "scale = [3, 3]"),
            "normalise.kinect20.scale: a bone joins two joints, not 3 with itself",
        ),
        (
            lambda t: t.replace("origin = 0", "origin = -1"),
            "normalise.kinect25.origin: .*greater than or equal to 0",
        ),
        (
            lambda t: t.replace("origin = 0", "origin = true"),
            "normalise.kinect25.origin: .*integer",
        ),
        (
            lambda t: t.replace("keep_ratio", "keep_ration"),
            "selector.keep_ration: unknown key, did you mean keep_ratio?",
        ),
        (
            lambda t: t.replace("upright_ratio = 0.8", "upright_ratio = inf"),
            "selector.upright_ratio",
        ),
        (lambda t: t.split("[normalise")[0], "normalise: Field required"),
        (lambda t: t.split("# Joints")[0] + "[normalise]", "normalise: .*at least 1"),
        (
            lambda t: "normalise = 3\nselector = 4\n" + t.split("[selector]")[0],
            "selector: .*; normalise: ",
        ),
    ],
)
def test_faults_are_named(tmp_path, change, reason):
    with pytest.raises(RecipeError, match=reason):
        load_recipe(write(tmp_path, change))


def test_faults_of_joints_are_told_beside_all_others(tmp_path):
    path = write(
        tmp_path,
        lambda t: (
            t.replace("version = 1", "version = 0")
            .replace("keep_ratio = 0.85", "keep_ratio = 3")
            .replace("scale = [0, 20]", "scale = [0, 77]\nfoo = 1")
            .replace("x = [4, 8]", "x = [4, 88]")
            .replace("origin = 0", "origin = 99")
        ),
    )
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    faults = str(caught.value).removeprefix(f"recipe {path}: ").split("; ")
    assert [fault.split(": ")[0] for fault in faults] == [
        "version",
        "selector.keep_ratio",
        "normalise.kinect25.foo",
        "normalise.kinect25.origin",
        "normalise.kinect25.scale",
        "normalise.kinect20.origin",
        "normalise.kinect20.rotation.x",
    ]


def test_a_recipe_made_without_a_file_is_checked_alike():
    content = load_recipe("yaw").model_dump(mode="json")
    assert Recipe.model_validate(content) == load_recipe("yaw")
    content["normalise"]["kinect20"]["rotation"]["x"] = [4, 20]
    with pytest.raises(ValidationError, match="kinect20 has no joint 20"):
        Recipe.model_validate(content)


def test_the_digest_of_psp_never_changes():
    # Stores carry it: another value would make every store of this recipe look like a foreign one.
    psp = load_recipe("psp")
    assert psp.version == 1
    assert psp.digest == "04ba61f638aacf1f8d8b701fd01294d03782609139c8cbe60ee636565e846066"


def test_what_is_left_out_is_recorded_nowhere():
    recipe = load_recipe("ctrgcn")
    assert recipe.model_dump()["normalise"] == {
        "kinect25": {"origin": 1},
        "kinect20": {"origin": 1},
    }
    assert "null" not in recipe.model_dump_json()


@pytest.mark.parametrize(("name", "up"), [("psp", "z"), ("yaw", "y"), ("ctrgcn", "y")])
def test_recipes_know_which_axis_is_up(name, up):
    assert {part.up for part in load_recipe(name).normalise.values()} == {up}


def test_yaw_is_psp_but_for_the_rotation():
    psp, yaw = load_recipe("psp"), load_recipe("yaw")
    assert yaw.selector == psp.selector
    for layout, part in psp.normalise.items():
        assert (yaw.normalise[layout].origin, yaw.normalise[layout].scale) == (
            part.origin,
            part.scale,
        )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t: t.replace("noisy_share = 0.69754", "noisy_share = 1.5"), "selector.noisy_share"),
        (lambda t: t.replace("min_frames = 12 ", "min_frames = 12.0 "), "selector.min_frames: .*integer"),
        (lambda t: t.replace("min_frames = 12 ", "min_frame = 12 "), "min_frame: unknown key, did you mean min_frames"),
        (lambda t: t.replace('"tracks"', '"energy"'), "selector.reference_joint: Field required"),
    ],
)  # fmt: skip
def test_faults_of_the_tracks_selector_are_named(tmp_path, change, reason):
    with pytest.raises(RecipeError, match=reason):
        load_recipe(write(tmp_path, change, "ctrgcn"))


def test_unknown_recipes_name_the_known_ones(tmp_path):
    with pytest.raises(RecipeError, match=r"unknown recipe 'pps'; use one of .*psp"):
        load_recipe("pps")
    with pytest.raises(RecipeError, match="cannot read recipe"):
        load_recipe(tmp_path / "none.toml")
