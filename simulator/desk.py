"""Where a chat, once understood, is taken in: turned away if the engine is full, run through the engine, and played to the client."""

from __future__ import annotations

import random
import zlib
from dataclasses import replace

from simulator import faults
from simulator.answer import Answer
from simulator.batch_loop import BatchLoop, Generation
from simulator.batching import Sequence
from simulator.clock import Clock
from simulator.dialect import Answered, Chat, Dialect, Ending, Form, Piece
from simulator.fault_plan import Plan
from simulator.kvcache import block_hashes
from simulator.options import Capacity, Options
from simulator.own_metrics import NativeMetrics
from simulator.player import Player
from simulator.reply import Reply
from simulator.text import answer_words, ended
from simulator.truth import ChatTruth


class Desk:
    """Takes in the chats of one engine."""

    def __init__(
        self,
        options: Options,
        capacity: Capacity,
        dialect: Dialect,
        batches: BatchLoop,
        metrics: NativeMetrics,
        clock: Clock,
    ) -> None:
        self._options = options
        self._capacity = capacity
        self._dialect = dialect
        self._batches = batches
        self._metrics = metrics
        self._clock = clock

    async def serve(self, chat: Chat, plan: Plan, answer: Answer, truth: ChatTruth) -> None:
        """Answer a chat: by a stream, or whole by raising `Answered`. Raises `Stopped` if a fault ends it, `ConnectionError` if the client left."""
        self._metrics.asked()
        chat = _bend(chat, plan)
        truth.model, truth.prompt_tokens = chat.model, len(chat.prompt)
        form = self._dialect.form(chat, truth.request_id)
        player = Player(self._dialect, form, answer, chat, plan, self._clock)
        if faults.Overloaded in plan or self._full():
            self._metrics.failed("overloaded")
            reply = self._dialect.overloaded(chat)
            if reply is not None:
                raise Answered(reply)
            await player.open()
            await player.fail("Model is overloaded", "overloaded")
            return
        if chat.objection is not None:
            self._metrics.failed("validation")
            if not chat.stream:
                raise Answered(self._dialect.invalid(chat.objection))
            await player.open()
            await player.fail(chat.objection, "validation")
            return
        if chat.stream:
            await player.open()
        async with self._dialect.in_memory(chat, truth, fails=faults.LoadFailure in plan) as own:
            batches = own or self._batches
            loaded_ns = self._clock.now_ns()
            if not chat.prompt:
                raise Answered(Reply(200, form.whole("", Ending("load")), self._dialect.whole_type(chat)))
            if chat.too_long is not None:
                raise Answered(chat.too_long)
            sequence, words = self._sequence(chat, loaded_ns)
            generation = batches.submit(sequence)

            def ending(finish: str) -> Ending:
                total_ns = self._clock.now_ns() - truth.arrived_ns
                queue_ns = (sequence.scheduled_ns or loaded_ns) - loaded_ns
                load_ns = loaded_ns - truth.arrived_ns
                return Ending(finish, total_ns, load_ns, queue_ns, sequence.prefill_ns, sequence.generation_ns, sequence.cached_tokens)

            try:
                if chat.stream:
                    await player.play(generation, words, ending, sequence.finish)
                else:
                    await _hear_out(generation, form, words)
                    raise Answered(Reply(200, form.whole("".join(words), ending(sequence.finish)), self._dialect.whole_type(chat)))
            finally:
                truth.cached_tokens = sequence.cached_tokens
                batches.abort(generation)

    def _full(self) -> bool:
        limit = self._options.capacity.max_queue
        return limit is not None and self._dialect.full(self._batches.batching, limit)

    def _sequence(self, chat: Chat, now_ns: int) -> tuple[Sequence, list[str]]:
        """The request for the engine and the text of each of its tokens: the same prompt always gets the same answer."""
        seed = zlib.crc32("".join(chat.prompt).encode()) ^ self._options.seed
        half = self._options.answer_tokens // 2
        natural = max(2, random.Random(seed).randint(self._options.answer_tokens - half, self._options.answer_tokens + half))
        length = chat.max_tokens if chat.exact_length else min(chat.max_tokens, natural)
        words = answer_words(seed, length)
        finish = "length"
        if length < chat.max_tokens:
            finish = "stop"
            words = [*ended(words[:-1]), ""]  # the end token has no text
        hashes = block_hashes(chat.prompt, self._capacity.block_tokens, chat.salt)
        return Sequence(now_ns, len(chat.prompt), hashes, length, chat.max_tokens, finish), words


def _bend(chat: Chat, plan: Plan) -> Chat:
    """Apply the faults that concern what the engine counts and reports."""
    if faults.NoUsage in plan:
        chat = replace(chat, include_usage=False, continuous_usage=False)
    if faults.FinalUsageOnly in plan:
        chat = replace(chat, continuous_usage=False)
    wrong = plan.get(faults.WrongUsage)
    return replace(chat, extra_tokens=wrong.extra) if wrong else chat


async def _hear_out(generation: Generation, form: Form, words: list[str]) -> None:
    """Wait for all tokens of an answer that is sent whole."""
    for word in words:
        await generation.next_due()
        form.token(Piece(word))
