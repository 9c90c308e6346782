"""How a target is doing, in one word and one sentence, and which targets come first where somebody looks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import chain

from exporter.web.pages.budgets import Budget
from exporter.web.pages.standing import OfScenario, Stand
from exporter.wording import count, sentence, words
from traffic.events import Skip, SkipReason

_NOT_CHATTED_WITH = frozenset({SkipReason.INACTIVE, SkipReason.TOKEN_BUDGET, SkipReason.LOAD_SHARE})
"""Why chats are not sent where nothing is wrong."""


class State(IntEnum):
    """How a target is doing: what is worse is lower, and comes first."""

    DOWN = 0
    FAILING = 1
    BURNING = 2
    HELD_BACK = 3
    WAITING = 4
    RESTING = 5
    WELL = 6

    @property
    def kind(self) -> str:
        """The class that gives it a colour."""
        return {State.DOWN: "bad", State.FAILING: "bad", State.BURNING: "warn", State.HELD_BACK: "warn", State.WELL: "good"}.get(self, "quiet")

    @property
    def word(self) -> str:
        return _WORDS[self]

    def of(self, number: int) -> str:
        """The word behind so many targets."""
        word = self.word[0].lower() + self.word[1:]
        return word if number == 1 else word.replace(" its ", " their ")

    @property
    def needs_a_look(self) -> bool:
        return self <= State.HELD_BACK


_WORDS = {
    State.DOWN: "Down",
    State.FAILING: "Failing",
    State.BURNING: "Below its SLO",
    State.HELD_BACK: "Held back",
    State.WAITING: "Waiting",
    State.RESTING: "Resting",
    State.WELL: "Well",
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a target is doing. `why` is a sentence; `since` is when it began, seconds since the epoch, where that is known."""

    state: State
    why: str
    since: float | None = None


def judged(stand: Stand, budgets: Sequence[Budget], *, down: bool) -> Judgement:
    """The worst that is to be said of a target. `down` is whether its alert for that is pending or fires."""
    found = chain(_outage(stand, down=down), _failures(stand), _burning(budgets), _held_back(stand), _quiet(stand))
    return next(found, Judgement(State.WELL, "It answers."))


def _outage(stand: Stand, *, down: bool) -> Iterator[Judgement]:
    failing = sorted((one for one in stand.scenarios.values() if one.failing_since is not None), key=lambda one: one.counted.last or 0)
    since = max(min(one.failing_since or 0 for one in failing), stand.last_success or 0) if failing else None
    if stand.broken:
        yield Judgement(State.DOWN, f"{_opened_by(stand)}It serves no chat, and is tried only now and then.", since)
    if down:
        yield Judgement(State.DOWN, f"It answers no chat. {_last_failure(failing[-1]) if failing else ''}".strip(), since)


def _opened_by(stand: Stand) -> str:
    """What had the breaker open, and of which scenario, where there are several."""
    if (opened := stand.opened_by) is None:
        return ""
    scenario, failure = opened
    whose = f" in the scenario {scenario}" if len(stand.scenarios) > 1 else ""
    return f"{sentence(words(failure.reason))}{whose}: {failure.detail}. "


def _failures(stand: Stand) -> Iterator[Judgement]:
    for one in sorted((one for one in stand.scenarios.values() if one.failures), key=lambda one: -one.failures):
        how_often = "The last chat" if one.failures == 1 else f"The last {one.failures} chats"
        yield Judgement(State.FAILING, f"{how_often} of {one.name} failed. {_last_failure(one)}", one.failing_since)


def _burning(budgets: Sequence[Budget]) -> Iterator[Judgement]:
    for budget in budgets:
        for burn in budget.fires:
            why = (
                f"{count(burn.short.bad, 'chat')} of the last {burn.short.all} did not meet {budget.objective.name}: "
                f"a good one {budget.objective.meaning}."
            )
            yield Judgement(State.BURNING, why)


def _held_back(stand: Stand) -> Iterator[Judgement]:
    if stand.facts.held_back is not None:
        yield Judgement(State.HELD_BACK, f"Chats are held back: {stand.facts.held_back}.")
    if stand.facts.loading_since is not None:
        yield Judgement(State.HELD_BACK, "Its engine loads the model.", stand.facts.loading_since)
    skipped = _skips(stand)
    if skipped and len(skipped) == len(stand.scenarios) and not all(skip.reason in _NOT_CHATTED_WITH for skip in skipped):
        yield Judgement(State.HELD_BACK, f"The last chats that were due were not sent: {words(skipped[0].reason)}.", skipped[0].at)


def _quiet(stand: Stand) -> Iterator[Judgement]:
    if not stand.scenarios:
        yield Judgement(State.RESTING, "No scenario is for it.")
    elif not any(one.last for one in stand.scenarios.values()):
        yield Judgement(State.WAITING, "No chat has ended yet.")
    elif len(skipped := _skips(stand)) == len(stand.scenarios):
        yield Judgement(State.RESTING, f"Chats are not sent now: {words(skipped[0].reason)}.", skipped[0].at)


def _skips(stand: Stand) -> list[Skip]:
    return [one.last for one in stand.scenarios.values() if isinstance(one.last, Skip)]


def _last_failure(one: OfScenario) -> str:
    failure = one.chat.failure if one.chat is not None else None
    return "" if failure is None else f"{sentence(words(failure.reason))}: {failure.detail}."


@dataclass(frozen=True, slots=True)
class Headline:
    """What one look tells: `kind` is its colour, `target` the name of the target to look at, if it is one."""

    kind: str
    title: str
    more: str
    target: str | None = None


def headline(judgements: dict[str, Judgement], not_ready: str | None) -> Headline:
    """The sentence on top of all targets."""
    if not_ready is not None:
        return Headline("quiet" if not_ready == "it is starting" else "bad", f"Not probing: {not_ready}.", "What stands below is as it was last.")
    if not judgements:
        return Headline("quiet", "There are no targets.", "Name one under targets in the configuration, or have them discovered.")
    worst = min(judgements.values(), key=lambda one: one.state).state
    of_that = [name for name, one in judgements.items() if one.state is worst]
    well = sum(one.state is State.WELL for one in judgements.values())
    rest = f"{count(well, 'other is', 'others are')} well." if well else ""
    if not worst.needs_a_look:
        return _calm(judgements, worst, len(of_that), well)
    one = judgements[of_that[0]]
    if len(of_that) == 1:
        does = {State.DOWN: "answers no chat", State.FAILING: "has failures", State.BURNING: "misses its objective"}.get(worst, "is held back")
        return Headline(worst.kind, f"{of_that[0]} {does}.", f"{one.why} {rest}".strip(), of_that[0])
    do = {State.DOWN: "targets answer no chat", State.FAILING: "targets have failures", State.BURNING: "targets miss their objectives"}
    named = ", ".join(of_that[:5]) + (f" and {len(of_that) - 5} more" if len(of_that) > 5 else "")
    return Headline(worst.kind, f"{len(of_that)} {do.get(worst, 'targets are held back')}.", f"{named}. {rest}".strip())


def _calm(judgements: dict[str, Judgement], worst: State, of_that: int, well: int) -> Headline:
    if worst is State.WELL:
        return Headline("good", "All is well.", {1: "The one target answers.", 2: "Both targets answer."}.get(well, f"All {well} targets answer."))
    if worst is State.WAITING:
        more = f"{of_that} of {count(len(judgements), 'target')} wait for the first chat." if of_that > 1 else "One target waits for its first chat."
        return Headline("quiet", "Just begun.", more)
    if not well:
        return Headline("quiet", "Nothing is chatted with now.", next(iter(judgements.values())).why)
    return Headline("good", "All is well.", f"{count(well, 'target')} well, {of_that} not chatted with now.")
