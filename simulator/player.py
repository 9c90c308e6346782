"""Plays one streaming chat: tokens when they fall due, in the engine's words, bent by the faults that the request meets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from simulator import faults
from simulator.answer import END_OF_CHUNKS, Answer, chunk
from simulator.batch_loop import Generation
from simulator.batching import Sequence
from simulator.clock import Clock
from simulator.dialect import Answered, Chat, Dialect, Ending, Form, Frame, Group, Piece, Spent
from simulator.fault_plan import Plan

_T = TypeVar("_T")
GARBAGE = b'data: {"choices": [{"index": 0, "delta": {"content"\n\n'
MEGABYTE = 1 << 20


class Stopped(Exception):  # noqa: N818 - an ending, not an error
    """A fault has ended the stream. `fault` is its name."""

    def __init__(self, fault: str) -> None:
        super().__init__(fault)
        self.fault = fault


class Player:
    """One stream from head to end. Delays by faults move all that follows, so each token still has one absolute instant."""

    def __init__(self, dialect: Dialect, form: Form, answer: Answer, chat: Chat, plan: Plan, clock: Clock) -> None:
        self._dialect = dialect
        self._form = form
        self._answer = answer
        self._plan = plan
        self._clock = clock
        self._path = chat.path
        self._head = dialect.stream_head(chat)
        self._unsent_head = b""
        self._delay_ns = 0
        self._sent_tokens = 0
        self._held: list[Frame] = []
        self._strikes = plan.strikes()
        silence = plan.get(faults.Comments)
        self._silence_seconds = silence.seconds if silence else dialect.comment_seconds
        together = plan.get(faults.TokensPerChunk)
        self._first_chunk = together.count if together else 1
        self._chunk = together.count if together else chat.stream_interval

    async def open(self) -> None:
        """Send the head, or keep it for the first frame where the engine does so."""
        content_type = "text/html; charset=utf-8" if faults.ContentType in self._plan else self._head.content_type
        data = self._dialect.head(replace(self._head, content_type=content_type, closing=self._answer.closing))
        drip = self._plan.get(faults.SlowHeaders)
        if drip is not None:
            for line in data.splitlines(keepends=True):
                self._answer.send_head(200, line)
                await self._wait(drip.seconds)
        elif self._dialect.head_waits and faults.EarlyRole not in self._plan:
            self._unsent_head = data
        else:
            self._answer.send_head(200, data)
        if faults.EarlyRole in self._plan:
            await self._send(self._form.role(), None)

    async def play(self, generation: Generation, words: list[str], ending: Callable[[str], Ending], finish: str) -> None:
        """Send the whole answer. `words` is the text of each token, `ending` what to tell at the end. Raises `Stopped` if a fault ends it early."""
        if faults.NoFirstToken in self._plan:
            await self._quiet(asyncio.Event().wait())
        due_ns = await self._next(generation)
        slow = self._plan.get(faults.SlowFirstToken)
        if slow is not None:
            self._delay_ns += round(slow.seconds * 1e9)
            due_ns = await self._until(due_ns)
        if faults.Empty in self._plan:
            await self._open_answer(due_ns)
            await self._finish(self._form.closing(None, ending("stop")), due_ns)
            return
        place = 0
        while True:
            end = min(place + (self._chunk if place else self._first_chunk), len(words))
            await self._strike(due_ns, ending, last=end == len(words))
            if place == 0:
                await self._open_answer(due_ns)
            for _ in range(end - place - 1):
                due_ns = await self._next(generation)
            piece = self._piece(words, place, end, generation.sequence)
            if end == len(words):
                await self._finish(self._form.closing(piece, ending(finish)), due_ns)
                return
            await self._send(self._form.token(piece), due_ns)
            self._sent_tokens = place = end
            due_ns = await self._next(generation)

    async def _open_answer(self, due_ns: int) -> None:
        if faults.EarlyRole not in self._plan:
            await self._send(self._form.opening(), due_ns)

    def _piece(self, words: list[str], begin: int, end: int, sequence: Sequence) -> Piece:
        reasoning = self._plan.get(faults.Reasoning)
        spent = Spent(sequence.prefill_ns, sequence.generation_ns, sequence.cached_tokens)
        return Piece("".join(words[begin:end]), end - begin, reasoning is not None and begin < reasoning.tokens, spent)

    async def fail(self, message: str, kind: str) -> None:
        """Report an error inside the stream, and end it as the engine does."""
        for group in self._form.error(message, kind):
            await self._send(group, None)
        await self._release(None)
        self._end()

    async def _strike(self, due_ns: int, ending: Callable[[str], Ending], *, last: bool) -> None:
        """Let every fault strike whose time has come: its tokens are sent, or none but the last chunk is left."""
        striking = [fault for after, fault in self._strikes if last or after <= self._sent_tokens]
        self._strikes = [(after, fault) for after, fault in self._strikes if fault not in striking]
        for fault in striking:
            await self._release(due_ns)
            await self._show(fault, due_ns, ending)

    async def _show(self, fault: faults.Fault, due_ns: int, ending: Callable[[str], Ending]) -> None:
        match fault:
            case faults.Stall(seconds=seconds):
                if seconds is None:
                    await self._quiet(asyncio.Event().wait())
                else:
                    self._delay_ns += round(seconds * 1e9)
                    await self._until(due_ns)
                return
            case faults.Garbage():
                await self._send((Frame(GARBAGE if self._is_sse else b'{"message": {\n', fault.name),), due_ns)
                return
            case faults.Reset():
                self._flush_head()
                self._answer.reset()
            case faults.Cut():
                self._flush_head()
                self._answer.close()
            case faults.Truncate() | faults.SilentEnd():
                self._flush_head()
                self._end()
            case faults.Error():
                if self._unsent_head:
                    raise Answered(self._dialect.failed(self._path))
                await self.fail("Request failed during generation: Server error: out of memory", "generation")
            case faults.Abort():
                await self._finish(self._form.closing(None, ending("abort")), due_ns)
            case faults.EndlessLine(megabytes=megabytes):
                await self._endless(megabytes)
        raise Stopped(fault.name)

    async def _endless(self, megabytes: int) -> None:
        self._flush_head()
        start = b"data: " if self._is_sse else b'{"message":"'
        for _ in range(megabytes):
            self._answer.send(chunk(start + b"x" * MEGABYTE), faults.EndlessLine.name)
            start = b""
            await self._answer.drain()
        self._answer.close()

    @property
    def _is_sse(self) -> bool:
        return (self._head.content_type or "").startswith("text/event-stream")

    async def _finish(self, groups: tuple[Group, ...], due_ns: int) -> None:
        late = self._plan.get(faults.LateUsage)
        for group in groups:
            if late is not None and any(frame.kind == "usage" or (frame.kind == "done" and not self._is_sse) for frame in group):
                await self._release(due_ns)
                await self._wait(late.seconds)
            await self._send(group, due_ns)
        await self._release(due_ns)
        self._end()

    def _end(self) -> None:
        self._answer.send(END_OF_CHUNKS, "end")

    async def _send(self, group: Group, due_ns: int | None) -> None:
        if not group:
            return
        together = self._plan.get(faults.Coalesce)
        if together is None:
            await self._write(group, due_ns)
            return
        self._held += group
        if len(self._held) >= together.count:
            await self._release(due_ns)

    async def _release(self, due_ns: int | None) -> None:
        """Send the chunks that were held back to share a segment."""
        held, self._held = tuple(self._held), []
        if held:
            await self._write(held, due_ns)

    async def _write(self, group: Group, due_ns: int | None) -> None:
        split = self._plan.get(faults.Split)
        if split is None:
            head, self._unsent_head = self._unsent_head, b""
            self._answer.send_group(group, due_ns, head)
        else:
            self._flush_head()
            for frame in group:
                data = chunk(frame.payload)
                self._answer.send(data[: len(data) // 2], "split")
                await self._wait(split.seconds)
                self._answer.send(data[len(data) // 2 :], frame.kind, tokens=frame.tokens, due_ns=due_ns)
        await self._answer.drain()

    def _flush_head(self) -> None:
        if self._unsent_head:
            head, self._unsent_head = self._unsent_head, b""
            self._answer.send_head(200, head)

    async def _next(self, generation: Generation) -> int:
        return await self._until(await self._quiet(generation.next_due()))

    async def _until(self, due_ns: int) -> int:
        """Wait out the delay that faults have put on a token; returns when it is now due."""
        if self._delay_ns:
            await self._quiet(self._clock.sleep_until(due_ns + self._delay_ns))
        return due_ns + self._delay_ns

    async def _wait(self, seconds: float) -> None:
        await self._quiet(self._clock.sleep_until(self._clock.now_ns() + round(seconds * 1e9)))

    async def _quiet(self, awaited: Awaitable[_T]) -> _T:
        """Wait; a stream that stays silent for too long meanwhile gets keep-alive comments."""
        if self._silence_seconds is None:
            return await awaited
        waiting = asyncio.ensure_future(awaited)
        try:
            while not (await asyncio.wait({waiting}, timeout=self._silence_seconds))[0]:
                self._answer.send(chunk(self._dialect.comment), "comment")
            return waiting.result()
        finally:
            waiting.cancel()
