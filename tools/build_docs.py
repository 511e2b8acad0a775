"""Build the documentation site: gather its pages, write the reference pages, run Sphinx.

The pages of ``docs/`` are joined by those that live elsewhere (`ELSEWHERE`), by the help text of
every command and by an API reference from the docstrings, so neither can go stale. Needs no network.

Usage: python tools/build_docs.py [--out build/docs]
"""

from __future__ import annotations

import argparse
import inspect
import os
import pkgutil
import re
import shutil
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import click

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"

# Pages of the site that lie outside docs/, and their place in it.
ELSEWHERE = {
    "CONTRIBUTING.md": "contributing.md",
    "data_manifests/SCHEMA.md": "split-schema.md",
    "packages/skeldata/CHANGELOG.md": "changes-skeldata.md",
    "packages/pspmodel/CHANGELOG.md": "changes-pspmodel.md",
}
# What skeldata offers beside its top level; other modules of it are nobody's business (decision 0001).
SKELDATA_MODULES = ("splits", "export", "synth", "errors", "commandline", "progress")
COMMANDS_GO_HERE = "<!-- the help of every command goes here -->"

_FENCE = re.compile(r"(^ *(`{3,}|~{3,}).*?^ *\2`*~* *$)", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[([^\]\[]*)\]\(([^()\s]+)\)")


def gather(folder: Path) -> None:
    """Write every source page of the site, and its pictures, into ``folder``, emptied before."""
    shutil.rmtree(folder, ignore_errors=True)
    places = {
        path: path.relative_to(DOCS) for path in sorted(DOCS.rglob("*.md")) if path.is_file()
    } | {ROOT / source: Path(place) for source, place in ELSEWHERE.items()}
    for source, place in places.items():
        text = move_links(source.read_text(encoding="utf-8"), source, place, places)
        if COMMANDS_GO_HERE in text:
            text = text.replace(COMMANDS_GO_HERE, "\n".join(command_reference()))
        _write(folder / place, text)
    for package in ("skeldata", "pspmodel"):
        for name, text in api_pages(package).items():
            _write(folder / "api" / f"{name}.md", text)
    shutil.copy(DOCS / "conf.py", folder / "conf.py")
    shutil.copytree(DOCS / "_static", folder / "_static")
    for picture in DOCS.rglob("*.png"):
        place = folder / picture.relative_to(DOCS)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, place)


def move_links(text: str, source: Path, place: Path, places: dict[Path, Path]) -> str:
    """Page text with its relative links as they must read at its place in the site.

    A link to a file that is no page, such as a source file, becomes plain text.
    """

    def moved(match: re.Match[str]) -> str:
        shown, target = match.groups()
        path, mark, anchor = target.partition("#")
        if not path or "://" in target or target.startswith("mailto:"):
            return match[0]
        page = places.get((source.parent / path).resolve())
        if page is None:
            return shown
        return f"[{shown}]({os.path.relpath(page, place.parent)}{mark}{anchor})"

    parts = _FENCE.split(text)  # text, fence, its marks, text, ...
    return "".join(
        _LINK.sub(moved, part) if index % 3 == 0 else part
        for index, part in enumerate(parts)
        if index % 3 != 2
    )


def command_reference() -> Iterator[str]:
    """Markdown lines: a section for each command of both packages, with its ``--help``."""
    for name in ("skeldata", "pspmodel"):
        group = import_module(f"{name}.cli").main
        yield f"## Commands of {name}\n"
        for words, command in walk(group, (name,)):
            context = click.Context(
                command, info_name=" ".join(words), terminal_width=88, max_content_width=88,
                **group.context_settings,
            )  # fmt: skip
            title = " ".join(words)
            yield f"### `{title}`\n\n```text\n{command.get_help(context)}\n```\n"


def walk(
    command: click.Command, words: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """The command and everything below it, with the words that call it."""
    yield words, command
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from walk(command.commands[name], (*words, name))


def api_pages(package: str) -> dict[str, str]:
    """Name of the page -> its text: an overview, and a page for each module with public names."""
    pages: dict[str, str] = {}
    described: set[int] = set()  # what two modules list has its place in the first
    for name in _modules(package):
        module = import_module(name)
        names = [n for n in public_names(module) if id(getattr(module, n)) not in described]
        described |= {id(getattr(module, n)) for n in names}
        if names:
            pages[name] = _api_page(module, names)
    first = pages.get(package, f"# {package}\n\n{_summary(import_module(package))}\n")
    listed = "\n".join(name for name in pages if name != package)
    pages[package] = f"{first}\n```{{toctree}}\n:hidden:\n\n{listed}\n```\n"
    return pages


def public_names(module: ModuleType) -> list[str]:
    """What a module offers: of skeldata its ``__all__``, else what it defines without underscore."""
    if module.__name__.startswith("skeldata") and hasattr(module, "__all__"):
        return [name for name in module.__all__ if not name.startswith("_")]
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module.__name__
    ]


def _modules(package: str) -> list[str]:
    """The modules of the reference, the package first."""
    if package == "skeldata":
        return [package, *(f"{package}.{name}" for name in SKELDATA_MODULES)]
    found = (
        info.name for info in pkgutil.walk_packages(import_module(package).__path__, f"{package}.")
    )
    hidden = ("cli", "bench", "__main__")
    return [package, *sorted(name for name in found if name.split(".")[1] not in hidden)]


def _api_page(module: ModuleType, names: list[str]) -> str:
    lines = [f"# {module.__name__}\n", "```{eval-rst}", f".. py:module:: {module.__name__}", ""]
    lines += [
        f".. currentmodule:: {module.__name__}",
        "",
        ".. autosummary::",
        "   :nosignatures:",
        "",
    ]
    lines += [f"   {name}" for name in names]
    for name in names:
        value = getattr(module, name)
        kind = "data"
        if inspect.isclass(value):
            kind = "exception" if issubclass(value, BaseException) else "class"
        elif callable(value):
            kind = "function"
        lines += ["", f".. auto{kind}:: {module.__name__}.{name}"]
        if kind in {"class", "exception"}:
            lines += ["   :members:"]
    return "\n".join([lines[0], _summary(module), "", *lines[1:], "```", ""])


def _summary(module: ModuleType) -> str:
    return (inspect.getdoc(module) or "").split("\n\n")[0]


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def main() -> int:
    """Gather the pages beside the site and build it; a warning is an error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "docs")
    out: Path = parser.parse_args().out
    pages = out.with_name(f"{out.name}-pages")
    gather(pages)
    shutil.rmtree(out, ignore_errors=True)
    # In this process, where all modules are loaded: autodoc loads them with TYPE_CHECKING set,
    # which pydantic's classes do not survive.
    sphinx = import_module("sphinx.cmd.build")
    code: int = sphinx.main(["-W", "--keep-going", "-q", "-E", str(pages), str(out)])
    shutil.rmtree(out / ".doctrees", ignore_errors=True)
    if code == 0:
        print(out / "index.html")
    return code


if __name__ == "__main__":
    sys.exit(main())
