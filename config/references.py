"""What one section says of another: names that must exist, and settings that must fit the targets they are for.

Works on the plain data, before they are typed, and passes over whatever has the wrong shape: that is reported elsewhere, and must
not hide these errors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from config.rules import Finding, suggestion


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _maps(value: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return ((name, entry) for name, entry in _map(value).items() if isinstance(entry, Mapping))


def dangling(data: object) -> Iterator[Finding]:
    """Every reference between the sections that does not hold."""
    targets, scenarios = _map(_map(data).get("targets")), _map(_map(data).get("scenarios"))
    for name, scenario in _maps(scenarios):
        yield from ((("scenarios", name, *place), text) for place, text in _of_scenario(scenario, targets))
    for name, slo in _maps(_map(data).get("slos")):
        wanted = slo.get("scenario")
        if isinstance(wanted, str) and wanted not in scenarios:
            yield ("slos", name, "scenario"), f"names a scenario that does not exist; {suggestion(wanted, scenarios)}"


def _of_scenario(scenario: Mapping[str, Any], targets: Mapping[str, Any]) -> Iterator[Finding]:
    written = scenario.get("targets")
    wanted = list(written) if isinstance(written, list | tuple) else []
    for index, name in enumerate(wanted):
        if not isinstance(name, str):
            continue
        if name not in targets:
            yield ("targets", index), f"names a target that does not exist; {suggestion(name, targets)}"
        elif name in wanted[:index]:
            yield ("targets", index), "names a target twice; name it once"
    if scenario.get("exact_length") is True:
        chosen = [target for name, target in _maps(targets) if not wanted or name in wanted]
        if any(target.get("backend") != "vllm" for target in chosen):
            yield (
                ("exact_length",),
                "is possible with vLLM only, and not every target here is one; name the vLLM targets in targets, or leave it out",
            )
