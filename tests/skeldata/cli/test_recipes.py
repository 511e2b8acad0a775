import json
import tomllib

import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st

from skeldata import get_dataset, load_recipe, read_ntu
from skeldata.clean.clip import prepare_clip
from skeldata.cli.recipes import as_toml, recipes
from skeldata.commandline import CommandGroup
from skeldata.recipe import Recipe, recipe_names
from skeldata.synth import ntu_bytes


def run(*arguments):
    group = CommandGroup(name="x", commands={"recipes": recipes})
    return CliRunner().invoke(group, ["recipes", *map(str, arguments)])


def test_the_list_names_every_shipped_recipe():
    result = run()
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(recipe_names())
    for line in lines:
        recipe = load_recipe(line.split()[0])
        assert f" version {recipe.version} " in line
        assert f" {recipe.digest[:12]} " in line
        assert line.endswith(recipe.summary)


def test_the_list_as_json():
    rows = json.loads(run("--json").stdout)
    assert [row["name"] for row in rows] == list(recipe_names())
    for row in rows:
        recipe = load_recipe(row["name"])
        assert row == {
            "name": recipe.name,
            "version": recipe.version,
            "summary": recipe.summary,
            "digest": recipe.digest,
        }


@pytest.mark.parametrize("name", recipe_names())
def test_a_printed_recipe_is_a_recipe(name, tmp_path):
    result = run(name)
    assert result.exit_code == 0
    assert load_recipe(name).digest in result.stdout.splitlines()[0]
    own = tmp_path / "own.toml"
    own.write_text(result.stdout)
    assert load_recipe(own) == load_recipe(name)
    assert load_recipe(own).digest == load_recipe(name).digest
    assert run(own).stdout == result.stdout
    for layout, part in load_recipe(name).normalise.items():
        assert f"[normalise.{layout}]  # {part.up} is up\n" in result.stdout
    data = read_ntu(ntu_bytes("S001C001P001R001A001", frames=20))
    clips = [prepare_clip(data, load_recipe(which), get_dataset("ntu60")) for which in (name, own)]
    assert clips[0].joint.tobytes() == clips[1].joint.tobytes()


@pytest.mark.parametrize("name", recipe_names())
def test_one_recipe_as_json(name):
    content = json.loads(run(name, "--json").stdout)
    assert content["digest"] == load_recipe(name).digest
    assert Recipe.model_validate(content["recipe"]) == load_recipe(name)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.floats(1e-300, 1e300), st.floats(0, 1))
@example('DEL \x7f, "quoted" \\ and\nbroken', 0.8, 0.85)
def test_any_text_and_number_survives(summary, upright, keep):
    content = load_recipe("psp").model_dump()
    content["summary"] = summary
    content["selector"] |= {"upright_ratio": upright, "keep_ratio": keep}
    recipe = Recipe.model_validate(content)
    again = Recipe.model_validate(tomllib.loads(as_toml(recipe)))
    assert again.digest == recipe.digest


def test_unknown_and_broken_recipes_are_one_line(tmp_path):
    unknown = run("pps")
    assert unknown.exit_code == 2
    assert unknown.stderr.startswith("error: unknown recipe 'pps'; use one of ctrgcn, psp, yaw")
    broken = tmp_path / "broken.toml"
    broken.write_text(run("psp").stdout.replace("frames = 50", "frames = 1\nfps = 30"))
    result = run(broken)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert "frames: " in result.stderr
    assert "fps: unknown key" in result.stderr
