"""What one section says of another: names that must exist, and settings that must fit the targets they are for.

Works on the plain data, before they are typed, and passes over whatever has the wrong shape: that is reported elsewhere, and must
not hide these errors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from config.quantities import is_name_pattern
from config.rules import Finding, suggestion
from probes import backends
from probes.wording import listed

MOST_PAIRED = 20
"""Targets that one scenario compares: each with every other, so that series grow with their square."""


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _maps(value: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return ((name, entry) for name, entry in _map(value).items() if isinstance(entry, Mapping))


def _discovers(data: object) -> bool:
    discovery = _map(_map(data).get("discovery"))
    return bool(discovery.get("files")) or discovery.get("kubernetes") is not None


def targetless(data: object) -> bool:
    """Whether there can never be a target: none is written, and none will be discovered."""
    return isinstance(data, Mapping) and "targets" not in data and not _discovers(data)


def dangling(data: object) -> Iterator[Finding]:
    """Every reference between the sections that does not hold."""
    targets, scenarios = _map(_map(data).get("targets")), _map(_map(data).get("scenarios"))
    if _map(data).get("targets") == {} and not _discovers(data):
        yield ("targets",), "is empty; add at least one, or write discovery: {files: [PATH]}"
    for name, scenario in _maps(scenarios):
        yield from ((("scenarios", name, *place), text) for place, text in _of_scenario(scenario, targets, discovers=_discovers(data)))
    for name, slo in _maps(_map(data).get("slos")):
        wanted = slo.get("scenario")
        if isinstance(wanted, str) and wanted not in scenarios:
            yield ("slos", name, "scenario"), f"names a scenario that does not exist; {suggestion(wanted, scenarios)}"
    yield from _of_bench(_map(_map(data).get("bench")), scenarios)


def _of_bench(bench: Mapping[str, Any], scenarios: Mapping[str, Any]) -> Iterator[Finding]:
    wanted = bench.get("scenario")
    if isinstance(wanted, str) and wanted not in scenarios:
        yield ("bench", "scenario"), f"names a scenario that does not exist; {suggestion(wanted, scenarios)}"


def _of_scenario(scenario: Mapping[str, Any], targets: Mapping[str, Any], *, discovers: bool) -> Iterator[Finding]:
    written = scenario.get("targets")
    wanted = list(written) if isinstance(written, list | tuple) else []
    for index, name in enumerate(wanted):
        if isinstance(name, str):
            yield from ((("targets", index), text) for text in _of_name(name, wanted[:index], targets, discovers=discovers))
    patterns = [name for name in wanted if isinstance(name, str)] if wanted else ["*"]
    chosen = {name: target for name, target in targets.items() if any(fnmatchcase(name, pattern) for pattern in patterns)}
    if scenario.get("exact_length") is True and not all(_can_be_exact(target.get("backend")) for _, target in _maps(chosen)):
        able = listed(exact_ones())
        yield (
            ("exact_length",),
            f"is possible with {able} only, and not every target here is one; name the {able} targets in targets, or leave it out",
        )
    if scenario.get("pair") is True and len(chosen) < 2 and not discovers:
        yield ("pair",), "compares targets with one another, and there are not two of them here; name more in targets, or leave it out"
    if scenario.get("pair") is True and len(chosen) > MOST_PAIRED:
        yield ("pair",), f"compares each target with every other, and {len(chosen)} are too many; name at most {MOST_PAIRED} in targets"


def exact_ones() -> tuple[str, ...]:
    """The engines that can be asked for an answer of exactly `max_tokens`."""
    return backends.titles(lambda backend: backend.exact_length)


def _can_be_exact(backend: object) -> bool:
    return any(one.exact_length for name, one in backends.BACKENDS.items() if name == backend)


def _of_name(name: str, earlier: list[object], targets: Mapping[str, Any], *, discovers: bool) -> Iterator[str]:
    """What is wrong with one name, or pattern, of a scenario's targets."""
    if name in earlier:
        yield "names a target twice; name it once"
    elif discovers or not is_name_pattern(name):
        return
    elif "*" in name:
        if not any(fnmatchcase(target, name) for target in targets):
            yield f"matches no target; {suggestion(name, targets)}"
    elif name not in targets:
        yield f"names a target that does not exist; {suggestion(name, targets)}"
