"""A run that is played to a board: what happens is given, and the time is the test's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.chat import Chat, ChatOutcome, Place
from bench.events import BlockBegun, BlockEnded, ChatEnded, LevelBegun, RoundEnded, RunBegun
from bench.level import Block, Level
from bench.progress.board import Board
from config.load import ClosedLoop, UserStage

BEGAN = 1_800_000_000.0


@dataclass
class Played:
    """Rounds of one block for each target in turn, each of `seconds`, of which the first `warm_up` count for nothing."""

    targets: tuple[str, ...] = ("vllm", "tgi")
    levels: Sequence[tuple[str, float]] = ()
    seconds: float = 30.0
    warm_up: float = 5.0
    now: float = BEGAN
    number: int = 0
    board: Board = field(init=False)

    def __post_init__(self) -> None:
        self.board = Board(lambda: self.now, self.levels, name="quick")
        self.board(RunBegun(self.targets))

    def level(self, name: str = "40 users", rounds: int = 3) -> Level:
        level = Level(name, {target: ClosedLoop((UserStage(40),)) for target in self.targets})
        self.board(LevelBegun(level, rounds, len(self.targets)))
        return level

    def begin(self, target: str, round: int, level: str = "40 users") -> Block:
        self.number += 1
        block = Block(self.number, level, round, (target,), self.warm_up, self.seconds)
        self.board(BlockBegun(block, self.now))
        return block

    def chat(self, block: Block, outcome: ChatOutcome = "ok", ttft: float | None = 0.05, reason: str | None = None, since: float = 10.0) -> None:
        place = Place(block.level, block.round, block.number, since, since < block.warm_up_seconds)
        chat = Chat(
            target=block.targets[0],
            place=place,
            outcome=outcome,
            reason=reason,
            ttft_seconds=ttft,
            tpot_seconds=None if ttft is None else 0.02,
            e2e_seconds=1.0,
            output_tokens=None if ttft is None else 50,
        )
        self.board(ChatEnded(chat, None))

    def end(self, block: Block, after: float = 30.0) -> None:
        self.now += after
        self.board(BlockEnded(block, self.now))

    def round(self, level: Level, number: int, ttfts: Sequence[float], after: float = 30.0) -> None:
        for target in self.targets:
            block = self.begin(target, number, level.name)
            for place, ttft in enumerate(ttfts):
                self.chat(block, ttft=ttft, since=5.0 + place / 10)
            self.end(block, after)
        self.board(RoundEnded(level, number))
