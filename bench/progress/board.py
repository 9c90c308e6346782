"""What is known of a run while it goes on: a listener whose state is drawn now and then."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.chat import Chat
from bench.events import BlockBegun, BlockEnded, ChatEnded, Event, LevelBegun, RoundEnded, RunBegun, RunEnded, Unsent
from bench.known import known
from bench.level import Block, Level
from bench.measures import TTFT
from bench.progress.standing import Health, Standing
from bench.statistics.samples import TooFewError

STEADY_QUANTILE = 0.95
MESSAGES = 4
FEWEST_ROUNDS = 2
"""Of one round nothing is known over rounds: what its own parts tell is too little, and would be taken back with the second."""
CHATS_KEPT = 50_000
"""Chats of a level that are kept for how steady its numbers are. With more, nothing is said of that until the next level."""


@dataclass(frozen=True, slots=True)
class Message:
    """Something that happened, in seconds since the epoch."""

    at: float
    words: str


@dataclass(frozen=True, slots=True)
class Time:
    """Seconds of load: of the block under way, and of the level. `left_seconds` is of the run where that is known, else of the level."""

    block_seconds: float
    block_done_seconds: float
    left_seconds: float
    of_run: bool


@dataclass(slots=True)
class Board:
    """`now` gives seconds since the epoch. `levels` are those that will be measured, with the seconds that each will take;
    empty where nobody knows them before the run.
    """

    now: Callable[[], float]
    levels: Sequence[tuple[str, float]] = ()
    name: str = ""
    targets: tuple[str, ...] = ()
    level: Level | None = None
    rounds: int = 0
    blocks: int = 0
    block: Block | None = None
    round: int = 0
    block_in_round: int = 0
    standings: dict[str, Standing] = field(default_factory=dict)
    steady: dict[str, float] = field(default_factory=dict)
    """To what share of itself p95 of TTFT is known of each target, as of the last round that is over."""
    rounds_judged: int = 0
    messages: deque[Message] = field(default_factory=lambda: deque(maxlen=MESSAGES))
    ended: str = ""
    heard: Callable[[str], None] = lambda _: None
    """Told of each message as it comes."""
    _health: dict[str, Health] = field(default_factory=dict)
    _chats: list[Chat] = field(default_factory=list)
    _begun: list[str] = field(default_factory=list)
    _block_began: float = 0.0
    _length: float = 0.0
    _load_seconds: float = 0.0
    _real_seconds: float = 0.0
    _blocks_over: int = 0
    _not_sent: set[tuple[str, str]] = field(default_factory=set)

    def __call__(self, event: Event) -> None:
        match event:
            case RunBegun(targets=targets):
                self.targets = targets
                self._health = {target: Health() for target in targets}
            case LevelBegun():
                self._begin_level(event)
            case BlockBegun(block=block):
                self._begin_block(block)
            case ChatEnded(chat=chat):
                self._take(chat)
            case Unsent():
                self._say_unsent(event)
            case BlockEnded(block=block):
                self._end_block(block)
            case RoundEnded():
                self._judge()
            case RunEnded(end=end, detail=detail):
                self.ended = f"the run is over: {end.value}{f' ({detail})' if detail else ''}"

    @property
    def level_number(self) -> int:
        return len(self._begun)

    def say(self, words: str) -> None:
        """Put a message on the board."""
        self.messages.append(Message(self.now(), words))
        self.heard(words)

    def _begin_level(self, event: LevelBegun) -> None:
        self.level, self.rounds, self.blocks = event.level, event.rounds, event.blocks
        self._begun.append(event.level.name)
        self.standings = {target: Standing() for target in self.targets if target in event.level.loads}
        self.steady, self.rounds_judged, self._chats = {}, 0, []
        self._blocks_over, self.round, self.block_in_round = 0, 0, 0

    def _begin_block(self, block: Block) -> None:
        self.block_in_round = self.block_in_round + 1 if block.round == self.round else 1
        self.block, self.round, self._block_began, self._length = block, block.round, self.now(), block.seconds

    def _end_block(self, block: Block) -> None:
        took = self.now() - self._block_began
        for target in block.targets:
            if target in self.standings:
                self.standings[target].measured_seconds += self.open_seconds(target)
        self.block = None
        self._blocks_over += 1
        self._load_seconds += block.seconds
        self._real_seconds += max(took, block.seconds)

    def _take(self, chat: Chat) -> None:
        if chat.target in self.standings:
            self.standings[chat.target].take(chat)
        if len(self._chats) <= CHATS_KEPT:
            self._chats.append(chat)
        if chat.target in self._health and (words := self._health[chat.target].take(chat, self.now())):
            self.say(words)

    def _say_unsent(self, event: Unsent) -> None:
        """Once for each target and reason: it says how chatprobe stands, and goes on in the results."""
        if (event.target, event.reason) not in self._not_sent:
            self._not_sent.add((event.target, event.reason))
            self.say(f"chats with {event.target} are not sent: {event.reason}")

    def _judge(self) -> None:
        """How well p95 of TTFT is known of each target, over the rounds so far."""
        if len(self._chats) > CHATS_KEPT:
            return
        self.rounds_judged += 1
        if self.rounds_judged < FEWEST_ROUNDS:
            return
        for target in self.standings:
            try:
                self.steady[target] = known([chat for chat in self._chats if chat.target == target], TTFT, STEADY_QUANTILE)
            except TooFewError:
                self.steady.pop(target, None)

    def open_seconds(self, target: str) -> float:
        """For how long the block under way has measured this target."""
        if self.block is None or target not in self.block.targets:
            return 0.0
        return max(0.0, self.now() - self._block_began - self.block.warm_up_seconds)

    def time(self) -> Time | None:
        """How far it has come; None before the first block. What blocks took beyond their load is taken to go on so."""
        if self.level is None or (self.block is None and not self._blocks_over):
            return None
        length = self.block.seconds if self.block else 0.0
        done = min(self.now() - self._block_began, length) if self.block else 0.0
        slowness = self._real_seconds / self._load_seconds if self._load_seconds else 1.0
        left = (max(0, self.rounds * self.blocks - self._blocks_over) * self._length - done) * slowness
        later = self._later_seconds()
        return Time(length, done, max(0.0, left) + (later or 0.0), later is not None)

    def _later_seconds(self) -> float | None:
        """What the levels after this one will take; None where that is not known."""
        if not self.levels:
            return None
        begun = set(self._begun)
        return sum(seconds for name, seconds in self.levels if name not in begun)
