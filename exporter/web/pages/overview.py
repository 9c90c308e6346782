"""`/`: all targets side by side, what is bad first."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from markupsafe import Markup

from alerts.windows import Severity
from exporter.web.pages.budgets import Budget
from exporter.web.pages.feeds import Part
from exporter.web.pages.figures import AGO_SECONDS, YOUNG_SECONDS, Course, course, figures, leading, young_course
from exporter.web.pages.judging import Headline, Judgement, State, headline, judged
from exporter.web.pages.scene import Scene
from exporter.web.pages.standing import Stand
from exporter.web.pages.templates import engine_class, render
from traffic.roster import STATIC
from traffic.schedule import NANOSECONDS

CARDS_AT_MOST = 9
"""So many targets have a card each; more stand in a table."""
FRESH_SECONDS = 10.0
"""Figures slide with time: they are read again after so long, though no chat has ended meanwhile."""
FRESH_SECONDS_OF_MANY = 30.0
LOOK_SECONDS = 5.0
"""How every target is doing is looked at again after so long: windows slide, though no chat has ended."""
_ATTENTION = "Needs a look"
TROUBLE_LINES = 10
"""Of what is wrong, so many lines are shown. The log has all."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A target as it was last looked at. It is looked at again when the stamp is another."""

    stamp: object
    judgement: Judgement
    budgets: list[Budget]
    fires: tuple[tuple[bool, str], ...]


class Overview:
    """The page of all targets."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._seen: dict[str, _Seen] = {}

    def arrangement(self) -> str:
        groups = self._groups(self._judged())
        told = f"{self._as_cards()} {[(title, [stand.name for stand in stands]) for title, stands in groups]}"
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    def parts(self) -> list[Part]:
        """All of them as of one moment: targets may come and go while they are made."""
        judgements = self._judged()
        head = headline(judgements, self._scene.not_ready())
        troubles = tuple(self._scene.troubles())
        firing = self._firing()
        duels, kinds = tuple(self._scene.duels.fought()), self._kinds()
        return [
            Part("headline", (head, troubles, _tally(judgements)), lambda: _headline(head, judgements, troubles)),
            Part("firing", tuple(firing), lambda: render("firing.html", firing=firing)),
            Part("duels", duels, lambda: render("duels.html", duels=duels, kinds=kinds)),
            *self._targets(),
        ]

    def _targets(self) -> Iterator[Part]:
        stands, now = self._scene.standing.stands, self._now()
        template, fresh_seconds = ("card.html", FRESH_SECONDS) if self._as_cards() else ("row.html", FRESH_SECONDS_OF_MANY)
        for number, (name, stand) in enumerate(stands.items()):
            age = int(now / fresh_seconds + number / len(stands))  # each grows old at a moment of its own
            seen, version = self._seen[name], stand.version if self._as_cards() else None
            yield Part(f"target-{name}", (template, seen.judgement, version, stand.facts), partial(self._target, template, seen, stand), age)

    def html(self, parts: Mapping[str, Markup], query: Mapping[str, str]) -> str:
        stands = self._scene.standing.stands
        words, engine = query.get("q", ""), query.get("engine", "")
        meant = {name for name, stand in stands.items() if f"target-{name}" in parts and _is_meant(stand, words, engine)}
        groups = [(title, [one for one in group if one.name in meant]) for title, group in self._groups(self._judged())]
        return render(
            "overview.html",
            parts=parts,
            groups=[(title, group) for title, group in groups if group],
            as_cards=self._as_cards(),
            attention=_ATTENTION,
            backends=sorted({stand.backend for stand in stands.values()}),
            q=words,
            engine=engine,
            shown=len(meant),
            since=self._scene.budgets.reach(),
        )

    def _as_cards(self) -> bool:
        return len(self._scene.standing.stands) <= CARDS_AT_MOST

    def _judged(self) -> dict[str, Judgement]:
        """How every target is doing; looked at again when there was an event, or after some seconds."""
        slot = int(self._now() / LOOK_SECONDS)
        for name, stand in self._scene.standing.stands.items():
            stamp, seen = (stand.version, slot), self._seen.get(name)
            if seen is None or seen.stamp != stamp:
                budgets = self._scene.budgets_of(name)
                judgement = judged(stand, budgets, down=self._scene.alarms.is_down(name))
                self._seen[name] = _Seen(stamp, judgement, budgets, self._fires(name))
        self._seen = {name: self._seen[name] for name in self._scene.standing.stands}
        return {name: seen.judgement for name, seen in self._seen.items()}

    def _now(self) -> float:
        return self._scene.clock.monotonic_ns() / NANOSECONDS

    def _groups(self, judgements: Mapping[str, Judgement]) -> list[tuple[str, list[Stand]]]:
        """The targets by group, what is bad first. Few targets are one group without a title, in the order of the configuration."""
        stands = self._scene.standing.stands
        if self._as_cards():
            return [("", list(stands.values()))] if stands else []
        groups: dict[str, list[Stand]] = {}
        for name, stand in sorted(stands.items(), key=lambda one: (judgements[one[0]].state, one[0])):
            groups.setdefault(_ATTENTION if judgements[name].state.needs_a_look else _group(stand), []).append(stand)
        return sorted(groups.items(), key=lambda group: (group[0] != _ATTENTION, group[0]))

    def _target(self, template: str, seen: _Seen, stand: Stand) -> Callable[[], str]:
        config = self._scene.standing.roster.config
        scenario = leading(stand, config)
        measured = None if scenario is None else figures(self._scene.history, stand, scenario, config, AGO_SECONDS if self._as_cards() else None)
        shown = {"stand": stand, "judgement": seen.judgement, "measured": measured, "course": self._course(stand), "budgets": seen.budgets}
        return partial(render, template, **shown)

    def _firing(self) -> list[tuple[str, bool, tuple[str, ...]]]:
        """The alerts that fire and ask somebody to act, whether each asks to get up, and the targets: none where it is on chatprobe itself."""
        found: dict[tuple[bool, str], list[str]] = {fires: [] for fires in self._fires(None)}
        for name, seen in self._seen.items():
            for fires in seen.fires:
                found.setdefault(fires, []).append(name)
        return [(alert, not quiet, tuple(names)) for (quiet, alert), names in sorted(found.items())]

    def _fires(self, target: str | None) -> tuple[tuple[bool, str], ...]:
        """Of a target, or of chatprobe itself, the alerts that fire and ask somebody to act, and first whether that can wait."""
        firing = (one for one in self._scene.alarms.of(target) if one.state == "firing" and one.severity is not Severity.INFO)
        return tuple(dict.fromkeys((one.severity is not Severity.PAGE, one.alert) for one in firing))

    def _kinds(self) -> dict[str, str]:
        """The class of each target's engine."""
        return {name: engine_class(stand.backend) for name, stand in self._scene.standing.stands.items()}

    def _course(self, stand: Stand) -> Course:
        known_seconds = self._scene.known_seconds(stand.name)
        young = known_seconds < YOUNG_SECONDS and self._as_cards()
        return young_course(self._scene.history, stand) if young else course(self._scene.history, stand, known_seconds)


def _tally(judgements: Mapping[str, Judgement]) -> tuple[tuple[State, int], ...]:
    counts = Counter(judgement.state for judgement in judgements.values())
    return tuple(sorted(counts.items()))


def _headline(head: Headline, judgements: Mapping[str, Judgement], troubles: tuple[str, ...]) -> str:
    shown = [(text.splitlines()[:TROUBLE_LINES], max(0, len(text.splitlines()) - TROUBLE_LINES)) for text in troubles]
    return render("headline.html", head=head, tally=_tally(judgements), troubles=shown)


def _group(stand: Stand) -> str:
    """A discovered target's namespace, else where it stands."""
    namespace, slash, _ = stand.name.partition("/")
    return namespace if slash else "Configured" if stand.member.source == STATIC else stand.member.source.capitalize()


def _is_meant(stand: Stand, words: str, engine: str) -> bool:
    """Whether a target is one of those that a reader asks for."""
    text = f"{stand.name} {stand.facts.model} {stand.backend}".lower()
    return engine in ("", stand.backend) and all(word in text for word in words.lower().split())
