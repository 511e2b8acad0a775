import pytest

from skeldata import RecipeError, load_recipe
from skeldata.recipe import recipe_names


def write(tmp_path, change):
    text = (load_recipe.__globals__["resources"].files("skeldata") / "recipes/psp.toml").read_text()
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
        (lambda t: t.replace('kind = "energy"', 'kind = "magic"'), "selector.kind"),
    ],
)
def test_faults_are_named(tmp_path, change, reason):
    with pytest.raises(RecipeError, match=reason):
        load_recipe(write(tmp_path, change))


def test_unknown_recipes_name_the_known_ones(tmp_path):
    with pytest.raises(RecipeError, match=r"unknown recipe 'pps'; use one of .*psp"):
        load_recipe("pps")
    with pytest.raises(RecipeError, match="cannot read recipe"):
        load_recipe(tmp_path / "none.toml")
