"""`/alerts`: which alerts hold, as far as this process can tell that exactly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from alerts import comparison, engines, prober, targets
from alerts.slos import BURN
from alerts.targets import DOWN, SECONDS_AGO
from alerts.windows import DAY, Severity
from exporter.web.pages.budgets import Budget
from exporter.web.pages.judging import FAILURES_OF_AN_OUTAGE
from exporter.web.pages.scene import Scene
from exporter.web.pages.standing import Stand
from exporter.web.pages.templates import render

Phase = Literal["firing", "pending", "quiet"]


@dataclass(frozen=True, slots=True)
class Seen:
    """An alert on one target as this process sees it. `since` is when what it looks at began to hold, seconds since the epoch."""

    alert: str
    target: str
    state: Phase
    pages: bool
    why: str
    since: float | None = None


_CERTIFICATES = {alert.name: alert for alert in targets.ALERTS if alert.name.startswith("LLMCertificate")}
_EXPIRY_DAYS = {"LLMCertificateExpiresSoon": 2, "LLMCertificateExpiry": 14}
TOLD = frozenset({DOWN, *BURN.values(), *_CERTIFICATES})
"""The alerts that the page tells: what they look at is known to this process whole. The others look at what only Prometheus has."""
_NAMES = [alert.name for alert in (*targets.ALERTS, *comparison.ALERTS, *engines.ALERTS, *prober.alerts(()))]
_DOWN_AFTER_SECONDS = next(alert.for_seconds for alert in targets.ALERTS if alert.name == DOWN)


def alerts(scene: Scene) -> str:
    """Which alerts hold by what this process knows exactly; the others are named."""
    now = scene.clock.epoch_seconds()
    seen = [one for name, stand in scene.standing.stands.items() for one in alerts_on(stand, scene.budgets.of(name), now)]
    holding = sorted((one for one in seen if one.state != "quiet"), key=lambda one: (one.state != "firing", not one.pages, one.target))
    return render(
        "alerts.html",
        holding=holding,
        quiet=len(seen) - len(holding),
        told=TOLD,
        others=sorted(set(_NAMES) - TOLD),
        budgets=_budgets(scene),
        since=scene.budgets.since,
    )


def _budgets(scene: Scene) -> list[tuple[str, Budget]]:
    """Those of which least is left first."""
    budgets = [(name, budget) for name in scene.standing.stands for budget in scene.budgets.of(name)]
    return sorted(budgets, key=lambda one: 2.0 if one[1].left is None else one[1].left)


def alerts_on(stand: Stand, budgets: Sequence[Budget], now: float) -> Iterator[Seen]:
    """The alerts on one target, those that are quiet too. `now` is in seconds since the epoch."""
    down = list(_down(stand, now))
    yield from down
    for budget in budgets:
        yield from _burning(stand.name, budget, now, is_down=any(one.state == "firing" for one in down))
    if stand.certificate_expiry is not None:
        left_days = (stand.certificate_expiry - now) / DAY
        for name, alert in _CERTIFICATES.items():
            state: Phase = "firing" if left_days < _EXPIRY_DAYS[name] else "quiet"
            yield Seen(name, stand.name, state, alert.severity is Severity.PAGE, f"Its certificate ends in {left_days:.1f} days.")


def _burning(target: str, budget: Budget, now: float, *, is_down: bool) -> Iterator[Seen]:
    """What another page tells already is not told twice: a target that is down burns its budget, and a fast burn is a slow one too."""
    told = is_down
    for burn in budget.burns:
        state: Phase = "firing" if burn.fires else "quiet" if burn.held_seconds is None else "pending"
        windows = f"{burn.short.bad} of {burn.short.all} bad in the short window, {burn.long.bad} of {burn.long.all} in the long one"
        since = None if burn.held_seconds is None else now - burn.held_seconds
        yield Seen(burn.alert, target, "quiet" if told and burn.pages else state, burn.pages, f"{budget.objective.name}: {windows}.", since)
        told = told or (burn.pages and burn.fires)


def _down(stand: Stand, now: float) -> Iterator[Seen]:
    held = [one for one in stand.scenarios.values() if one.chat is not None]
    if not held:
        return
    succeeded_lately = stand.last_success is not None and now - stand.last_success <= SECONDS_AGO
    if succeeded_lately or not all(one.failures >= FAILURES_OF_AN_OUTAGE for one in held):
        yield Seen(DOWN, stand.name, "quiet", True, "")
        return
    since = min(one.failing_since for one in held if one.failing_since is not None)
    yield Seen(DOWN, stand.name, "firing" if now - since >= _DOWN_AFTER_SECONDS else "pending", True, "No chat succeeds.", since)
