"""Which package may import what, proven from the source."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

import skeldata

PACKAGES = Path(__file__).resolve().parents[1] / "packages"
PUBLIC_MODULES = {
    "skeldata.commandline", "skeldata.doctor", "skeldata.errors", "skeldata.progress",
}  # fmt: skip


def imports(package):
    """(file, module, name or None) of every import in a package."""
    root = PACKAGES / package / "src" / package
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((path, alias.name, None) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: imports are absolute"
                yield from ((path, node.module, alias.name) for alias in node.names)


def test_skeldata_knows_neither_torch_nor_pspmodel():
    for path, module, _ in imports("skeldata"):
        assert module.split(".")[0] not in {"torch", "pspmodel"}, path


def test_pspmodel_uses_only_public_names_of_skeldata():
    for path, module, name in imports("pspmodel"):
        if module.split(".")[0] != "skeldata" or module in PUBLIC_MODULES:
            continue
        assert module == "skeldata", f"{path} imports {module}"
        assert name is None or name in skeldata.__all__, f"{path} imports {name}"


@pytest.mark.parametrize("package", ["skeldata", "pspmodel"])
def test_modules_import_each_other_without_cycles(package):
    root = PACKAGES / package / "src"
    modules = {}
    for path in sorted((root / package).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    graph = {name: set() for name in modules}
    for name, path in modules.items():
        # Imports inside functions and under TYPE_CHECKING happen later, or never.
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    target = f"{node.module}.{alias.name}"
                    graph[name].add(target if target in modules else node.module)
            elif isinstance(node, ast.Import):
                graph[name] |= {alias.name for alias in node.names}
        graph[name] = {target for target in graph[name] & modules.keys() if target != package}
    done, open_ = set(), []

    def visit(name):
        assert name not in open_, f"cycle: {' -> '.join([*open_, name])}"
        if name in done:
            return
        open_.append(name)
        for target in sorted(graph[name]):
            visit(target)
        open_.pop()
        done.add(name)

    for name in modules:
        visit(name)


def test_public_names_exist_and_are_sorted():
    assert list(skeldata.__all__) == sorted(skeldata.__all__)
    for name in skeldata.__all__:
        assert getattr(skeldata, name) is not None
        assert not name.startswith("_") or name == "__version__"
    # A public name never hides a module of the same name, or the other way round.
    for module in ("preparation", "datasets", "streams", "splits.draw"):
        import_module(f"skeldata.{module}")
    assert callable(skeldata.prepare)
    assert callable(skeldata.draw)
    assert callable(skeldata.motion)
