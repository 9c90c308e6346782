"""An answer, read after the wire: bodies and stamps become token-bearing chunks, instants, text, and what the engine said of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from probes.backends.base import Event, FrameError, WireForm
from probes.failure import Failure, Reason
from probes.framing import Frame, FramingError, framer
from probes.record import Chunk, Native
from probes.tokens import TokenCount
from probes.wire.order import Read

TEXT_LIMIT = 1_000_000
"""Characters of an answer that are kept; a longer one is still counted and timed to its end."""


class Answer:
    """Takes a chat's reads in order, whole or in slices. Stops at the terminal marker or at the first failure; what comes later is ignored."""

    def __init__(self, form: WireForm) -> None:
        self._form = form
        self._framer = framer(form.framing)
        self._tokens = TokenCount()
        self._texts: list[str] = []
        self._text_size = 0
        self._last_created_ns: int | None = None
        self._server_gaps: list[float] = []
        self._native: Native | None = None
        self._consumed = 0
        self.chunks: list[Chunk] = []
        self.first_content_ns: int | None = None
        self.finished_ns: int | None = None
        self.failure: Failure | None = None
        self.finish_reason: str | None = None
        self.input_tokens: int | None = None
        self.kernel_clock = True
        self.reasoned = False
        self._reported_tokens: int | None = None
        self._running_tokens: int | None = None

    @property
    def over(self) -> bool:
        return self.finished_ns is not None or self.failure is not None

    @property
    def text(self) -> str:
        return "".join(self._texts)

    @property
    def output_tokens(self) -> int | None:
        """The engine's total where it gave one, its last running usage where it did not come so far, else the tokens that chunks bore."""
        if self._reported_tokens is not None:
            return self._reported_tokens
        if self._running_tokens is not None:
            return self._running_tokens
        return self._tokens.total if self.chunks else None

    @property
    def counted_by_usage(self) -> bool:
        """Whether `output_tokens` is the engine's own figure."""
        return self._reported_tokens is not None or self._running_tokens is not None

    @property
    def chunks_by_usage(self) -> bool:
        """Whether the tokens of every chunk came from running usage."""
        return self._tokens.by_usage

    @property
    def native(self) -> Native:
        said = self._native or Native()
        return replace(said, server_gaps_seconds=tuple(self._server_gaps)) if self._last_created_ns is not None else said

    def feed(self, reads: Iterable[Read]) -> None:
        for read in reads:
            if self.over:
                return
            self.kernel_clock = self.kernel_clock and read.kernel
            self._consumed += len(read.body)
            try:
                self._take(self._framer.feed(read.body), read)
            except FramingError as error:
                self._take(list(error.frames), read)
                if not self.over:
                    self._fail(Reason.PROTOCOL, str(error), read)

    def close(self, last: Read | None) -> None:
        """The body is over; a last line without its end counts if it is whole. `last` is the read that brought it."""
        if last is not None and not self.over:
            self._take(self._framer.close(), last)

    def _take(self, frames: list[Frame], read: Read) -> None:
        for place, frame in enumerate(frames, 1):
            behind = self._consumed - frame.end
            followed = place < len(frames) or (behind > 0 and bool(read.body[-behind:].strip(b"\r\n")))
            try:
                event = self._form.read(frame.data)
            except FrameError as error:
                self._fail(Reason.PROTOCOL, str(error), read)
                return
            self._note(event, read, followed)
            if self.over:
                return

    def _note(self, event: Event, read: Read, followed: bool) -> None:
        tokens = self._tokens.borne_by(event)
        if tokens:
            exact = read.exact and not followed
            self.chunks.append(Chunk(read.stamp_ns, tokens, 0 if exact else read.stamp_ns - read.floor_ns, followed))
            self._note_created(event)
        if event.reasoning:
            self.reasoned = True
        if event.text:
            if self.first_content_ns is None:
                self.first_content_ns = read.stamp_ns
            self._keep_text(event.text)
        if event.running_tokens is not None:
            self._running_tokens = event.running_tokens
        if event.output_tokens is not None:
            self._reported_tokens = event.output_tokens
        if event.input_tokens is not None:
            self.input_tokens = event.input_tokens
        if event.finish_reason:
            self.finish_reason = event.finish_reason
        if event.native is not None:
            self._native = event.native
        if event.refusal is not None:
            self._fail(event.refusal.reason, event.refusal.detail, read)
        elif event.done:
            self.finished_ns = read.stamp_ns
            if not self.chunks:
                self._fail(Reason.EMPTY, "the answer ended without a token", read)

    def _note_created(self, event: Event) -> None:
        if event.created_ns is None:
            return
        if self._last_created_ns is not None:
            self._server_gaps.append((event.created_ns - self._last_created_ns) / 1e9)
        self._last_created_ns = event.created_ns

    def _keep_text(self, text: str) -> None:
        if self._text_size < TEXT_LIMIT:
            self._texts.append(text)
            self._text_size += len(text)

    def _fail(self, reason: Reason, detail: str, read: Read) -> None:
        self.failure = Failure(reason, detail, read.stamp_ns)
