"""`/targets/NAME`: everything about one target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from markupsafe import Markup

from catalogue.troubles.failures import FAILURES
from catalogue.troubles.skips import SKIPS
from catalogue.troubles.trouble import Trouble
from exporter.history.kept import Kept, Wanted
from exporter.urls import shown_url
from exporter.web.pages import drawing
from exporter.web.pages.feeds import Part
from exporter.web.pages.figures import YOUNG_SECONDS, Course, Figures, course, figures, young_course
from exporter.web.pages.judging import judged
from exporter.web.pages.scene import Scene
from exporter.web.pages.standing import OfScenario, Stand
from exporter.web.pages.templates import render
from exporter.wording import epoch
from probes.failure import Reason
from traffic.events import Skip
from traffic.schedule import NANOSECONDS

CHATS_SHOWN = 12
FRESH_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Chat:
    """One chat as the page shows it. `trouble` explains why it failed."""

    id: str
    record: Mapping[str, Any]
    at: float
    waterfall: Markup
    phases: Sequence[drawing.Bar]
    engine_parts: Sequence[drawing.Bar]
    trouble: Trouble | None


@dataclass(frozen=True, slots=True)
class Row:
    """One scenario of the target. `due` is when its next chat is due, seconds since the epoch, where that is known."""

    stand: OfScenario
    measured: Figures
    due: float | None
    skip: Trouble | None


class TargetPage:
    """The page of one target. Its name is of one that there is; once it is gone, the page says so."""

    def __init__(self, scene: Scene, name: str) -> None:
        self._scene = scene
        self._name = name

    def arrangement(self) -> str:
        return f"{self._name in self._scene.standing.stands}"

    def parts(self) -> Iterator[Part]:
        stand = self._scene.standing.stands.get(self._name)
        if stand is None:
            return
        chats = self._scene.history.find(Wanted(self._name, limit=CHATS_SHOWN))
        failed = self._scene.history.find(Wanted(self._name, failed=True, limit=CHATS_SHOWN))
        yield Part("now", (stand.version, self._slot()), partial(self._now, stand))
        yield Part("failures", tuple(kept.id for kept in failed), lambda: render("failures.html", chats=shown(failed)))
        yield Part("chats", tuple(kept.id for kept in chats), lambda: render("chats.html", chats=shown(chats)))
        yield Part("engine", self._slot(), lambda: render("engine.html", side=self._scene.engine_side(self._name), stand=stand))
        yield Part("facts", (stand.version, self._slot()), partial(self._facts, stand))

    def html(self, parts: Mapping[str, Markup], query: Mapping[str, str]) -> str:
        return render("target.html", parts=parts, name=self._name)

    def _slot(self) -> int:
        return int(self._scene.clock.monotonic_ns() / NANOSECONDS / FRESH_SECONDS)

    def _now(self, stand: Stand) -> str:
        budgets = self._scene.budgets_of(stand.name)
        return render(
            "now.html",
            stand=stand,
            judgement=judged(stand, budgets, down=self._scene.alarms.is_down(stand.name)),
            budgets=budgets,
            rows=list(self._rows(stand)),
            course=self._course(stand),
        )

    def _course(self, stand: Stand) -> Course:
        known_seconds = self._scene.known_seconds(stand.name)
        return young_course(self._scene.history, stand) if known_seconds < YOUNG_SECONDS else course(self._scene.history, stand, known_seconds)

    def _rows(self, stand: Stand) -> Iterator[Row]:
        config = self._scene.standing.roster.config
        now_ns, now = self._scene.clock.monotonic_ns(), self._scene.clock.epoch_seconds()
        due_ns = self._scene.next_due(stand.name)
        for name, one in stand.scenarios.items():
            due = None if name not in due_ns else now + (due_ns[name] - now_ns) / NANOSECONDS
            skip = SKIPS[one.last.reason] if isinstance(one.last, Skip) else None
            yield Row(one, figures(self._scene.history, stand, name, config), due, skip)

    def _facts(self, stand: Stand) -> str:
        enrolled = self._scene.plan().enrolment.judged.get(stand.name)
        return render(
            "facts.html",
            stand=stand,
            url=shown_url(stand.member.endpoint.url),
            found=None if enrolled is None else enrolled.found,
            now=self._scene.clock.epoch_seconds(),
        )


def shown(chats: Sequence[Kept]) -> list[Chat]:
    """The chats as a page shows them, drawn to the scale of the longest."""
    records = [kept.record for kept in chats]
    longest = max((record["e2e_seconds"] for record in records), default=0.0)
    return [_chat(kept, record, longest) for kept, record in zip(chats, records, strict=True)]


def _chat(kept: Kept, record: Mapping[str, Any], longest_seconds: float) -> Chat:
    return Chat(
        id=kept.id,
        record=record,
        at=epoch(record["started_at"]),
        waterfall=drawing.waterfall(record, longest_seconds),
        phases=drawing.phases(record),
        engine_parts=drawing.engine_parts(record),
        trouble=None if record["reason"] is None else FAILURES[Reason(record["reason"])],
    )
