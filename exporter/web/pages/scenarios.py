"""`/scenarios`: the kinds of chats."""

from __future__ import annotations

from fractions import Fraction

from config.durations import write_duration
from config.load import ClosedLoop, Every, Load, OpenLoop
from config.quantities import write_rate
from exporter.web.pages.scene import Scene
from exporter.web.pages.templates import render


def scenarios(scene: Scene) -> str:
    """Every kind of chat: what is asked, how often, of whom, and how it goes."""
    roster = scene.standing.roster
    rows = []
    for name, scenario in roster.config.scenarios.items():
        held = [stand.scenarios[name] for stand in scene.standing.stands.values() if name in stand.scenarios]
        slos = {slo_name: slo for slo_name, slo in roster.config.slos.items() if slo.scenario == name}
        failing = sum(one.failures > 0 for one in held)
        rows.append((name, scenario, load_words(scenario.load), len(held), failing, len(roster.left_out(scenario)), slos))
    return render("scenarios.html", rows=rows)


def load_words(load: Load) -> str:
    """How much a scenario asks of each target, in words."""
    match load:
        case Every(seconds):
            return f"every {write_duration(seconds)}"
        case OpenLoop(stages):
            return ", then ".join(_rate(stage.per_second) + _during(stage.seconds) for stage in stages)
        case ClosedLoop(stages):
            return ", then ".join(f"{stage.users} user{'' if stage.users == 1 else 's'}" + _during(stage.seconds) for stage in stages)


def _rate(per_second: Fraction) -> str:
    return f"{write_rate(per_second)}" if per_second else "none"


def _during(seconds: float | None) -> str:
    return "" if seconds is None else f" for {write_duration(seconds)}"
