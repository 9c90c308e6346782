"""What was measured of a target lately, beside an hour ago and beside what its SLO asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from config.model import Config, Slo
from exporter.history.kept import Wanted
from exporter.history.recent import RECENT_SECONDS
from exporter.history.store import History
from exporter.history.window import Window
from exporter.web.pages.standing import Stand
from exporter.wording import count, span

AGO_SECONDS = 3600.0
_SPANS = ((600.0, 10), (3600.0, 60), (2 * 3600.0, 40), (4 * 3600.0, 24), (6 * 3600.0, 36))
"""How much sparklines show, in how many points: as much of six hours as there is. The history knows minutes, and later ten of them."""
YOUNG_SECONDS = 600.0
CHATS_IN_A_COURSE = 60
_ALIKE = 0.1
"""What differs by no more from an hour ago is told as the same."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One measure. `before` is what it was an hour ago, `limit` what an SLO allows; None where that is not known."""

    value: float | None
    before: float | None
    limit: float | None = None
    higher_is_better: bool = False

    @property
    def change(self) -> float | None:
        """By which share it has grown since; None where it has hardly changed, or where that is not known."""
        if not self.value or not self.before or abs(grown := self.value / self.before - 1) <= _ALIKE:
            return None
        return grown

    @property
    def is_worse(self) -> bool:
        return self.change is not None and (self.change < 0) is self.higher_is_better

    @property
    def is_as_before(self) -> bool:
        return self.change is None and bool(self.value) and bool(self.before)

    @property
    def misses(self) -> bool:
        """Whether it is beyond what the SLO allows."""
        return self.value is not None and self.limit is not None and self.value > self.limit


@dataclass(frozen=True, slots=True)
class Good:
    """The share of good chats for one SLO; `share` is None before the first attempt."""

    slo: str
    share: float | None
    objective: float

    @property
    def misses(self) -> bool:
        return self.share is not None and self.share < self.objective


@dataclass(frozen=True, slots=True)
class Figures:
    """One target under one scenario. `failures` are reasons and how often, the most frequent first."""

    scenario: str
    chats: int
    failed: int
    ttft: Measured
    ttft_p95: Measured
    itl: Measured
    rate: Measured
    e2e: Measured
    good: tuple[Good, ...]
    failures: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Course:
    """How TTFT went, oldest first, in seconds; None where it is not known. `words` say over what."""

    values: Sequence[float | None]
    words: str


def leading(stand: Stand, config: Config) -> str | None:
    """The scenario that stands for a target where there is room for one: the first that an SLO is on, else the first."""
    with_slo = {slo.scenario for slo in config.slos.values()}
    return next((name for name in stand.scenarios if name in with_slo), next(iter(stand.scenarios), None))


def course(history: History, stand: Stand, known_seconds: float) -> Course:
    """Of as much time as there is; `known_seconds` is for how long anything is known of the target's chats."""
    shown, points = next((span for span in _SPANS if span[0] >= known_seconds), _SPANS[-1])
    return Course(history.series(stand.name, "ttft", shown, points), f"the last {span(shown)}")


def young_course(history: History, stand: Stand) -> Course:
    """Chat by chat, while minutes would be too few for a line."""
    chats = history.find(Wanted(stand.name, limit=CHATS_IN_A_COURSE))
    words = f"the last {count(len(chats), 'chat')}" if chats else "no chat yet"
    return Course([kept.record["ttft_seconds"] for kept in reversed(chats)], words)


def figures(history: History, stand: Stand, scenario: str, config: Config, ago_seconds: float | None = AGO_SECONDS) -> Figures:
    """What the history says of now, and of so long ago; None where nobody asks how it was."""
    slos = {name: slo for name, slo in config.slos.items() if slo.scenario == scenario}
    now = history.window(stand.name, scenario, RECENT_SECONDS)
    before = None if ago_seconds is None else history.window(stand.name, scenario, RECENT_SECONDS, ago_seconds)
    return Figures(
        scenario=scenario,
        chats=now.count,
        failed=now.failed,
        ttft=Measured(_median(now, "ttft"), _median(before, "ttft"), _limit(slos, "ttft")),
        ttft_p95=Measured(now.quantile("ttft", 0.95), None, _limit(slos, "ttft")),
        itl=Measured(_median(now, "itl"), _median(before, "itl"), _limit(slos, "tpot")),
        rate=Measured(_median(now, "output_rate"), _median(before, "output_rate"), higher_is_better=True),
        e2e=Measured(_median(now, "e2e"), None, _limit(slos, "e2e")),
        good=tuple(_good(now, name, slo) for name, slo in slos.items()),
        failures=tuple(sorted(now.failures.items(), key=lambda one: -one[1])),
    )


def _median(window: Window | None, measure: str) -> float | None:
    return None if window is None else window.quantile(measure, 0.5)


def _limit(slos: dict[str, Slo], key: str) -> float | None:
    """The strictest of several thresholds."""
    return min((slo.thresholds[key] for slo in slos.values() if key in slo.thresholds), default=None)


def _good(now: Window, name: str, slo: Slo) -> Good:
    found = now.goodput.get(name)
    return Good(name, None if found is None else found.share, float(slo.objective))
