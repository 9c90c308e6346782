"""Loads that are not the scenario's own, and schedules that targets share."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from config.load import ClosedLoop, Exponential, Load, OpenLoop, RateStage, UserStage
from probes.failure import Reason
from probes.record import ChatRecord
from tests.traffic.fakes import FakeClock, Heard, config
from tests.traffic.test_runner import Scene, running
from traffic.admission import Admission
from traffic.breaker import FAILURES_TO_OPEN, served
from traffic.events import SkipReason
from traffic.roster import roster
from traffic.watch import Watch, watches

TWO = "x: {backend: vllm, url: 'http://x', model: m}\n  y: {backend: vllm, url: 'http://y', model: m}"


def scheduled(scene: Scene, other: Load | None, chance: str | None = None) -> list[Watch]:
    """Has the scene's runner hold this load with all its targets in place of what it held."""
    found = [replace(watch, other=other, chance=chance) for watch in watches(roster(SETTINGS), scene.population.engines)]
    scene.runner.schedule(found)
    return found


SETTINGS = config(targets=TWO, scenario="every: 1h")


LOADS: dict[str, Load] = {
    "constant": OpenLoop((RateStage(Fraction(2)),)),
    "poisson": OpenLoop((RateStage(Fraction(2)),), "poisson"),
    "users": ClosedLoop((UserStage(3),), Exponential(1.0)),
}


@pytest.mark.parametrize("load", LOADS.values(), ids=LOADS)
@pytest.mark.parametrize("chance", [None, "run"])
async def test_targets_that_share_their_chance_have_their_chats_at_the_same_instants(load: Load, chance: str | None) -> None:
    async with running(SETTINGS) as scene:
        scheduled(scene, load, chance)
        await scene.clock.advance(20)
        due = {name: [record.due_ns for record in scene.records if record.target == name] for name in ("x", "y")}
    assert len(due["x"]) > 10
    assert (due["x"] == due["y"]) is (chance is not None)


async def test_another_load_is_another_watch() -> None:
    async with running(SETTINGS) as scene:
        one, other = scheduled(scene, LOADS["users"])[0], scheduled(scene, LOADS["users"], "run")[0]
    assert one.is_like(replace(one))
    assert not one.is_like(other)
    assert not one.is_like(replace(one, other=LOADS["constant"]))


def overloaded(record: ChatRecord) -> bool | None:
    """As a benchmark judges: an engine that turns chats away is alive."""
    return True if record.reason is Reason.OVERLOADED else served(record)


@pytest.mark.parametrize(("shows", "refused"), [(served, SkipReason.BREAKER), (overloaded, None)])
async def test_whoever_judges_otherwise_has_another_breaker(shows: object, refused: SkipReason | None) -> None:
    settings = config(scenario="every: 1s")
    clock, heard = FakeClock(), Heard()
    admission = Admission(settings.limits, clock, heard, shows=shows)  # type: ignore[arg-type]
    async with running(settings, reason=Reason.OVERLOADED) as scene:
        await scene.clock.advance(30)
        for record in scene.records[:FAILURES_TO_OPEN]:
            ticket = admission.admit(record.target, record.scenario, tokens=1)
            assert not isinstance(ticket, SkipReason)
            admission.release(ticket, record)
    verdict = admission.admit("vllm", "heartbeat", tokens=1)
    assert (verdict if isinstance(verdict, SkipReason) else None) == refused
