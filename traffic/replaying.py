"""A trace that is held again: its chats at its own instants, with prompts of its lengths that begin alike where they did."""

from __future__ import annotations

import random
import secrets
from functools import lru_cache

from config.load import Arrival, Trace
from probes.ask import Cache, Message
from probes.prompts.fewest import fewest_of_random_words
from probes.prompts.synthetic import INSTRUCTION, Lengths, vocabulary
from traffic.arrivals import LATE_NS
from traffic.conversation import Script, Turn
from traffic.schedule import Due, nanoseconds

TELLING_TOKENS = 100
"""The first count of a prompt this long corrects the length of the others. In a shorter one, what stands around the
words would count too much."""

_BLOCKS_KEPT = 4096
"""How many blocks of text are kept made: those of some megabytes. A block that many chats share is made once."""


class Replay:
    """When the chats of a trace are due, as `traffic.schedule.Arrivals` has it. What they say is in `script`.

    Chat k is due at `start + at / speed`, to the nanosecond. Those that are more than `LATE_NS` late when asked for are
    missed, and counted with the chat that is given out next: after a long hold-up of chatprobe they would be a flood that
    is not in the trace. The newest is given out however late, where no other follows. The prompt of a chat is made when
    the chat is given out, ahead of its time, so that it makes no chat late.
    """

    def __init__(self, trace: Trace, start_ns: int, *, cache: Cache, seed: int) -> None:
        self._arrivals = trace.arrivals
        self._due_ns = [start_ns + nanoseconds(arrival.at_seconds / trace.speed) for arrival in trace.arrivals]
        self._number = 0
        self._recital = _Recital(trace.block_tokens, cache, seed)

    @property
    def script(self) -> Script:
        """Says what the chat says that was given out last."""
        return self._recital

    def next(self, now_ns: int) -> Due | None:
        """The next chat, as `Arrivals` has it."""
        first, last = self._number, len(self._due_ns) - 1
        if first > last:
            return None
        number = first
        while number < last and self._due_ns[number] < now_ns - LATE_NS:
            number += 1
        self._number = number + 1
        self._recital.prepare(number + 1, self._arrivals[number])
        return Due(self._due_ns[number], missed=number - first)


class _Recital:
    """The prompts of a trace's chats: `trace/17` is that of the 17th, in every replay and for every target.

    Cold chats whose beginnings have names share one nonce for the whole replay: they find each other in the engine's
    prefix cache as those of the trace did, and nothing of an earlier replay. Others have one each. The engine's first
    count changes how many words a block has: what was sent before it and what is sent after it begin alike for the length
    of one block only.
    """

    def __init__(self, block_tokens: int, cache: Cache, seed: int) -> None:
        self._block_tokens = block_tokens
        self._seed = seed
        self._cold = cache == "cold"
        self._shared_nonce = secrets.token_hex(8) if self._cold else None
        self._lengths = Lengths()
        self._prepared: Turn | None = None

    def prepare(self, number: int, arrival: Arrival) -> None:
        """Make the turn that `next` gives."""
        words = self._lengths.words(arrival.input_tokens)
        nonce = self._shared_nonce if arrival.blocks or not self._cold else secrets.token_hex(8)
        text = f"{INSTRUCTION} {self._text(number, arrival.blocks, words)}"
        self._prepared = Turn(
            f"trace/{number}", nonce, arrival.input_tokens, (Message("user", text),), fewest_of_random_words(words), arrival.output_tokens
        )

    def next(self) -> Turn:
        assert self._prepared is not None, "a schedule gives out a chat before it asks what that says"
        return self._prepared

    def done(self, turn: Turn) -> None:
        """Nothing follows from a turn."""

    def following(self, turn: Turn | None) -> Turn:
        return self.next()

    def learn(self, turn: Turn, input_tokens: int) -> None:
        if turn.input_tokens >= TELLING_TOKENS:
            self._lengths.correct(turn.input_tokens, input_tokens)

    def _text(self, number: int, blocks: tuple[int, ...], count: int) -> str:
        """So many words: those of the blocks first, then the chat's own."""
        of_a_block = self._lengths.within(self._block_tokens)
        parts: list[str] = []
        for block in blocks[: -(-count // of_a_block)]:
            parts.append(_block(f"{self._seed}/block/{block}", min(of_a_block, count)))
            count -= of_a_block
        if count > 0:
            parts.append(_words(f"{self._seed}/chat/{number}", count))
        return " ".join(parts)


def _words(seed: str, count: int) -> str:
    """Words in an order of chance. Of one seed, a shorter text is the beginning of a longer one."""
    return " ".join(random.Random(seed).choices(vocabulary(), k=count))


_block = lru_cache(_BLOCKS_KEPT)(_words)
