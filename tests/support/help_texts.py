"""Every command of a command line with its name, for tests of what ``--help`` says."""

from collections.abc import Iterator

import click


def leaves(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """The commands that do something, below a group, with the words that call them."""
    if isinstance(command, click.Group):
        for each, inside in command.commands.items():
            yield from leaves(inside, f"{name} {each}")
    else:
        yield name, command


def options_without_help(command: click.Command) -> list[str]:
    """Options of which nothing is said."""
    return [
        option.opts[-1]
        for option in command.params
        if isinstance(option, click.Option) and not option.help
    ]


def shown_examples(command: click.Command, name: str) -> list[str]:
    """The lines of a command's help that call it as an example."""
    text = command.get_help(click.Context(command, info_name=name))
    _, mark, examples = text.partition("\n  Example")
    return [line for line in examples.splitlines() if f" {name} " in f" {line} "] if mark else []
