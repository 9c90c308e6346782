"""The latency model: continuous batching, computed step by step on virtual time. It reads no clock and waits for nothing."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field

from simulator.kvcache import Holding, KvCache
from simulator.options import Capacity, Latency

SECOND_NS = 1_000_000_000


@dataclass(eq=False)
class Sequence:
    """One request inside the engine. Instants are nanoseconds on the monotonic clock.

    `answer_tokens` is how many tokens it will produce, `finish` why it ends with them; `max_tokens` how many it may have at most (TGI books them
    all at admission).
    """

    arrived_ns: int
    prompt_tokens: int
    hashes: tuple[int, ...]
    answer_tokens: int
    max_tokens: int
    finish: str = "length"
    cached_tokens: int = 0
    produced: int = 0
    preemptions: int = 0
    scheduled_ns: int | None = None
    first_token_ns: int | None = None
    previous_token_ns: int | None = None
    last_token_ns: int | None = None
    prefill_ns: int = 0
    holding: Holding | None = field(default=None, repr=False)

    @property
    def finished(self) -> bool:
        return self.produced >= self.answer_tokens

    @property
    def generation_ns(self) -> int:
        """From the first token to the latest."""
        return 0 if self.first_token_ns is None or self.last_token_ns is None else self.last_token_ns - self.first_token_ns


@dataclass(frozen=True)
class Step:
    """One pass of the model over the batch: every sequence in it gets one token at `end_ns`.

    `admitted` are those whose prompt it computes, again for one that was preempted; `computed_tokens` counts prompt and decode tokens.
    """

    start_ns: int
    end_ns: int
    batch: tuple[Sequence, ...]
    admitted: tuple[Sequence, ...]
    preempted: tuple[Sequence, ...]
    prefill_ns: int
    computed_tokens: int


class Batching:
    """First come, first served, into a batch that all move by one token a step.

    A prefill lengthens its step for the whole batch: that is the stall that others feel. Where the KV cache is full, requests wait; with
    `reserve` a request books all its blocks when it is admitted (TGI), without it blocks are taken as the answer grows, and the newest request
    is thrown out and later computed again when none is left (vLLM's preemption by recomputation). With `part_tokens` an answer is generated in
    parts of so many: after each the request leaves the batch, and waits again behind all others (TGI).
    """

    def __init__(self, latency: Latency, capacity: Capacity, *, seed: int, reserve: bool, part_tokens: int | None = None) -> None:
        self.kv = KvCache(capacity.kv_blocks)
        self.running: list[Sequence] = []
        self.waiting: deque[Sequence] = deque()
        self._latency = latency
        self._capacity = capacity
        self._reserve = reserve
        self._part_tokens = part_tokens
        self._random = random.Random(seed)
        self._free_ns = 0

    def submit(self, sequence: Sequence) -> None:
        self.waiting.append(sequence)

    def abort(self, sequence: Sequence) -> None:
        """Forget a sequence whose client went away."""
        if sequence in self.waiting:
            self.waiting.remove(sequence)
        if sequence in self.running:
            self._leave(sequence)

    def begin(self) -> Step | None:
        """Plan the next step, which starts where the last one ended, or when the first request came; None if there is nothing to do."""
        if not self.running and not self.waiting:
            return None
        start_ns = self._free_ns if self.running else max(self._free_ns, self.waiting[0].arrived_ns)
        preempted = self._make_room()
        decoding = len(self.running)
        admitted = [] if preempted else self._admit(start_ns)
        computed = sum(sequence.prompt_tokens + sequence.produced - sequence.cached_tokens for sequence in admitted)
        prefill = len(admitted) * self._latency.first_token_seconds + computed / self._latency.prefill_tokens_per_second
        decode = self._latency.decode_seconds * (1 + self._latency.batch_slowdown * (decoding - 1)) if decoding else 0.0
        jitter = max(0.1, self._random.gauss(1.0, self._latency.jitter)) if self._latency.jitter else 1.0
        prefill_ns = round(prefill * jitter * SECOND_NS)
        end_ns = start_ns + max(1, prefill_ns + round(decode * jitter * SECOND_NS))
        self._free_ns = end_ns
        return Step(start_ns, end_ns, tuple(self.running), tuple(admitted), tuple(preempted), prefill_ns, computed + decoding)

    def complete(self, step: Step) -> tuple[Sequence, ...]:
        """Hand out the step's tokens; returns the sequences that got one (those aborted meanwhile got none)."""
        produced = tuple(sequence for sequence in step.batch if sequence.holding is not None)
        for sequence in produced:
            sequence.produced += 1
            sequence.previous_token_ns = sequence.last_token_ns
            sequence.last_token_ns = step.end_ns
            if sequence.first_token_ns is None:
                sequence.first_token_ns = step.end_ns
                sequence.prefill_ns = step.end_ns - step.start_ns
            if sequence.finished:
                self._leave(sequence)
            elif self._part_tokens is not None and sequence.produced % self._part_tokens == 0:
                self._leave(sequence)
                self.waiting.append(sequence)
        return produced

    def part_ends(self, sequence: Sequence) -> int:
        """How many tokens its answer may have by the end of the part that it is in, or waits for."""
        if self._part_tokens is None:
            return sequence.max_tokens
        return min(sequence.max_tokens, (sequence.produced // self._part_tokens + 1) * self._part_tokens)

    def _blocks(self, tokens: int) -> int:
        return -(-tokens // self._capacity.block_tokens)

    def _admit(self, start_ns: int) -> list[Sequence]:
        admitted: list[Sequence] = []
        while self.waiting and len(self.running) < self._capacity.max_batch:
            sequence = self.waiting[0]
            if sequence.arrived_ns > start_ns:
                break
            # The last prompt token is always computed: its output is the first answer token.
            hits = min(self.kv.leading_hits(sequence.hashes), (sequence.prompt_tokens - 1) // self._capacity.block_tokens)
            ahead = self.part_ends(sequence) if self._reserve else sequence.produced + 1
            holding = self.kv.hold(sequence.hashes, self._blocks(sequence.prompt_tokens + ahead) - len(sequence.hashes))
            if holding is None:
                break
            self.waiting.popleft()
            sequence.holding = holding
            sequence.cached_tokens = hits * self._capacity.block_tokens
            if sequence.scheduled_ns is None:
                sequence.scheduled_ns = start_ns
            self.running.append(sequence)
            admitted.append(sequence)
        return admitted

    def _make_room(self) -> list[Sequence]:
        """See to it that every running sequence has a block for its next token, at the cost of the newest where there are too few."""
        preempted: list[Sequence] = []
        for sequence in list(self.running):
            while sequence.holding is not None and self._lacks_a_block(sequence) and not self.kv.grow(sequence.holding):
                victim = self.running[-1]
                self._leave(victim)
                victim.preemptions += 1
                self.waiting.appendleft(victim)
                preempted.append(victim)
        return preempted

    def _lacks_a_block(self, sequence: Sequence) -> bool:
        assert sequence.holding is not None
        return self._blocks(sequence.prompt_tokens + sequence.produced + 1) > len(sequence.holding.shared) + sequence.holding.private

    def _leave(self, sequence: Sequence) -> None:
        assert sequence.holding is not None
        self.running.remove(sequence)
        self.kv.release(sequence.holding)
        sequence.holding = None
