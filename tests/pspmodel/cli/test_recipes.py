import json

from pspmodel.cli.recipes import recipes
from pspmodel.recipe import recipe_names, recipe_text
from support.command_line import assert_one_error, run


def test_all_recipes_are_listed_with_what_they_are():
    result = run(recipes)
    assert result.exit_code == 0
    for line, name in zip(result.stdout.splitlines(), recipe_names(), strict=True):
        assert line.split()[0] == name
        assert len(line.split()) > 3
    assert list(json.loads(run(recipes, "--json").stdout)) == list(recipe_names())


def test_one_is_printed_as_it_stands():
    result = run(recipes, "nw-ucla")
    assert result.stdout == recipe_text("nw-ucla")
    assert result.stdout.startswith("# ")


def test_a_recipe_of_preparation_is_told_from_one_of_training():
    assert_one_error(run(recipes, "yaw"), 2, "'yaw' is a recipe of `skeldata prepare`")
    assert_one_error(run(recipes, "tinny"), 2, "did you mean 'tiny'")
