"""Which room may import which: downwards only, never in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EVERYTHING = frozenset(
    {
        "probes",
        "simulator",
        "config",
        "catalogue",
        "traffic",
        "discovery",
        "exporter",
        "bench",
        "alerts",
        "dashboards",
        "cli",
        "helm",
        "tests",
        "benchmarks",
    }
)
ALERTS_SHOWN = (
    "alerts.objective",
    "alerts.recordings",
    "alerts.rule",
    "alerts.slos",
    "alerts.windows",
    "alerts.targets",
    "alerts.comparison",
    "alerts.engines",
    "alerts.prober",
)
"""What the exporter's pages show of alerts and budgets, and the numbers of the rules, by which it looks itself. `alerts` imports nothing of
`exporter`."""
MAY_IMPORT: dict[str, frozenset[str]] = {
    "probes": frozenset(),
    "simulator": frozenset({"probes"}),
    "config": frozenset({"probes"}),
    "traffic": frozenset({"probes", "config"}),
    "catalogue": frozenset({"probes", "traffic.events.SkipReason", "traffic.pairs.Measure", "traffic.pairs.Undecided"}),
    "discovery": frozenset({"probes", "config", "traffic"}),
    "exporter": frozenset({"probes", "config", "traffic", "discovery", "catalogue", *ALERTS_SHOWN}),
    "bench": frozenset({"probes", "config", "traffic", "discovery", "catalogue", "exporter.native"}),
    "alerts": frozenset({"config", "catalogue"}),
    "dashboards": frozenset({"catalogue", "alerts.windows", "alerts.recordings", "alerts.histograms", "alerts.forms.yaml"}),
    "cli": EVERYTHING - {"helm", "tests", "benchmarks"},
    "helm": frozenset(),
    "benchmarks": EVERYTHING,
}
"""The rooms and modules that each room may import, besides itself."""


def modules(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def name_of(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported, wherever in the file; names taken out of a package too, as they may be modules."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where they lead"
            assert node.module is not None
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def allowed(room: str, imported: str) -> bool:
    target = imported.partition(".")[0]
    if target not in EVERYTHING or target == room:
        return True
    return any(f"{imported}.".startswith(f"{prefix}.") for prefix in MAY_IMPORT[room])


def test_every_room_with_python_in_it_is_on_the_table() -> None:
    rooms = {file.parent.name for file in ROOT.glob("*/*.py")} - {"tests"}
    assert rooms <= MAY_IMPORT.keys()


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    strays = [
        f"{name_of(file)} imports {imported}"
        for file in modules(room)
        for imported in imports(ast.parse(file.read_bytes()))
        if not allowed(room, imported)
    ]
    assert strays == []


def test_grafanalib_stays_behind_its_seam() -> None:
    strays = [
        name_of(file)
        for room in MAY_IMPORT
        for file in modules(room)
        if not name_of(file).startswith("dashboards.dash")
        and any(imported.partition(".")[0] == "grafanalib" for imported in imports(ast.parse(file.read_bytes())))
    ]
    assert strays == []


def test_no_module_imports_itself_through_others() -> None:
    files = {name_of(file): file for room in MAY_IMPORT for file in modules(room)}
    graph = {name: known(files, at_head(ast.parse(file.read_bytes()))) - {name} for name, file in files.items()}
    assert circle(graph) is None


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == ["a", "b", "c", "a"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) is None


def test_what_is_imported_for_the_type_checker_alone_counts() -> None:
    assert list(at_head(ast.parse("import a\nif TYPE_CHECKING:\n    from b import c\ndef d():\n    import e\n"))) == ["a", "b.c"]


def at_head(tree: ast.Module) -> Iterator[str]:
    """What is imported at the head of the module, for the type checker alone too: not inside functions."""
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom, ast.If)):
            yield from imports(node)


def known(files: dict[str, Path], imported: Iterator[str]) -> set[str]:
    """The modules of ours among them: `a.b.c` is the module of this name, or a name in the module `a.b`."""
    return {name for found in imported for name in (found, found.rpartition(".")[0]) if name in files and files[name].name != "__init__.py"}


def circle(graph: dict[str, set[str]]) -> list[str] | None:
    """A way from a module back to itself."""
    clear: set[str] = set()

    def walk(name: str, way: list[str]) -> list[str] | None:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in clear:
            return None
        for following in sorted(graph[name]):
            found = walk(following, [*way, name])
            if found is not None:
                return found
        clear.add(name)
        return None

    return next((found for name in sorted(graph) if (found := walk(name, [])) is not None), None)
