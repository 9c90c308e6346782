"""Races that somebody asks for: the same prompt to several targets at one instant, round after round, while people look on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from config.demand import tokens_of_largest_chat
from config.model import Scenario
from exporter.web.probing import Means, Outcome, StandingByError
from exporter.web.room import Room, TooOftenError
from probes import backends
from probes.record import ChatRecord
from traffic.attempts import Attempts
from traffic.conversation import Script, Turn, script
from traffic.events import Event, Pair, Skip
from traffic.pairs import Measure
from traffic.race.lane import Lane
from traffic.race.overhearing import Overheard, show
from traffic.race.score import Score
from traffic.runner import CANCEL_SECONDS
from traffic.watch import Watch

MOST_ROUNDS = 10
MOST_SIDE_BY_SIDE = 8
"""Of more engines nobody reads the answers."""
PAUSE_SECONDS = 1.5
"""How long an answer that is over stays before the next begins, for people to read who was first."""


Judge = Callable[[Score, Sequence[str]], Sequence[str]]
"""Says in sentences who differs from the best of the engines that are named, by how much, and how sure that is. It may take a while."""


def no_judge(score: Score, names: Sequence[str]) -> Sequence[str]:
    """Says nothing."""
    return ()


@dataclass(frozen=True, slots=True)
class Entry:
    """What a race is about: the chats of a scenario, with these of its targets. `settings` may have another prompt than the scenario's own."""

    scenario: str
    settings: Scenario
    targets: tuple[str, ...]
    rounds: int


class Contest:
    """One race: its lanes while answers come, its score after each round."""

    def __init__(self, means: Means, room: Room, count: Callable[[Outcome], None], judge: Judge, entry: Entry) -> None:
        engines = means.engines()
        chosen = tuple(engines[target] for target in entry.targets)
        self.entry = entry
        self.round = 0
        self.prompt = ""
        self.trouble = ""
        """Why it ended before its last round; empty where it did not."""
        self.verdict: Sequence[str] = ()
        """Who differs by how much, in sentences; none before the end."""
        self.lanes = {engine.name: Lane(engine.name, engine.endpoint.backend, engine.facts.model) for engine in chosen}
        self.score = Score(entry.targets, entry.settings.max_tokens)
        self._means = means
        self._room = room
        self._count = count
        self._judge = judge
        self._scenario = entry.settings.model_copy(update={"pair": True})
        self._watch = Watch(entry.scenario, self._scenario, chosen, None)
        self._attempts = Attempts(Overheard(means.prober, self.lanes, self.now), means.admission, means.clock, self._hear, means.chats)
        self._pair: Pair | None = None
        self.ended = asyncio.Event()
        """Set once nothing more comes."""
        self._stop = asyncio.Event()

    def now(self) -> int:
        """The instant that is shown."""
        return self._means.clock.monotonic_ns()

    def model_of(self, target: str) -> str:
        """The model that a target is asked for, as far as it is known by now."""
        return next(engine.facts.model for engine in self._watch.engines if engine.name == target)

    def winner(self, measure: Measure) -> str | None:
        """Who won the round that is shown; None while it goes on, and where nobody did."""
        return self.score.winner(measure) if self.score.rounds == self.round else None

    def stop(self) -> None:
        """Begin no other round. Answers that come are waited for: tokens that engines spend on them are counted."""
        self._stop.set()

    async def run(self) -> None:
        """Hold all rounds, and say what they have shown."""
        try:
            await self._rounds()
            self.verdict = await asyncio.to_thread(self._judge, self.score, self.entry.targets)
        finally:
            self.ended.set()
            self._attempts.close()
            self._room.leave(self.entry.targets)

    async def _rounds(self) -> None:
        words, turn = script(self._scenario), None
        for number in range(1, self.entry.rounds + 1):
            if number > 1 and not await self._may_go_on():
                return
            self.round, turn = number, words.following(turn)
            self.prompt = turn.says
            if not await self._held(words, turn):
                self.trouble = "It was broken off: chatprobe stops, or another replica chats from now on."
                return

    async def _held(self, words: Script, turn: Turn) -> bool:
        """One round, and whether it came to its end."""
        for lane in self.lanes.values():
            lane.begin(self.now())
        self._pair = None
        chats = self._attempts.start(self._watch, words, turn, self.now())
        if chats is not None:
            await chats
        if self._pair is None or any(side.record is not None and side.record.outcome == "cancelled" for side in self._pair.sides):
            return False
        self.score.take(self._pair)
        return True

    async def _may_go_on(self) -> bool:
        """Wait until the next round may begin: False where nobody looks on any more."""
        while not self._stop.is_set():
            try:
                async with asyncio.timeout(PAUSE_SECONDS):
                    await self._stop.wait()
            except TimeoutError:
                if self._room.again(self.entry.targets):
                    return True
        return False

    def _hear(self, event: Event) -> None:
        show(event, self.lanes)
        match event:
            case ChatRecord():
                self._count(Outcome.OK if event.outcome == "ok" else Outcome.FAILED)
            case Skip():
                self._count(Outcome.SKIPPED)
            case Pair():
                self._pair = event


class Racing:
    """Holds races, one at a time, and tells `count` what became of each of their chats. `judge` says what they have shown."""

    def __init__(self, means: Means, room: Room, count: Callable[[Outcome], None], judge: Judge = no_judge) -> None:
        self.means = means
        self._room = room
        self._count = count
        self._judge = judge
        self._held: dict[asyncio.Task[None], Contest] = {}

    def begin(self, entry: Entry) -> Contest:
        """A race begins. Raises `TooOftenError` and `StandingByError`."""
        self.means.check_turn()
        try:
            if self._held:
                raise TooOftenError("a race is under way, and there is one at a time; begin yours when it is over")
            self._room.take(entry.targets)
        except TooOftenError:
            self._count(Outcome.REFUSED)
            raise
        if missing := [target for target in entry.targets if target not in self.means.engines()]:
            self._room.leave(entry.targets)
            raise StandingByError(f"{', '.join(missing)} has just come or gone; ask again")
        contest = Contest(self.means, self._room, self._count, self._judge, entry)
        task = asyncio.create_task(contest.run())
        self._held[task] = contest
        task.add_done_callback(self._held.pop)
        return contest

    def most_tokens(self, entry: Entry) -> int:
        """What a race may cost at most, about, prompts and answers of all engines and rounds."""
        endpoints = self.means.roster().endpoints
        longest = (backends.get(endpoints[target].backend).longest_answer(entry.settings.max_tokens) for target in entry.targets)
        return round(entry.rounds * sum(tokens_of_largest_chat(entry.settings, answer) for answer in longest))

    async def close(self) -> None:
        """Cut off the chats that are under way."""
        for contest in self._held.values():
            contest.stop()
        if self._held:
            self.means.prober.cancel_all()
            await asyncio.wait(self._held, timeout=CANCEL_SECONDS)
