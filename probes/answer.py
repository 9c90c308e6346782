"""An answer, read after the wire: bodies and stamps become token-bearing chunks, instants, text, and what the engine said of it."""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from probes.backends.base import Event, FrameError, Refusal, WireForm
from probes.backends.complaint import Complaint, complaint_in
from probes.backends.refusal import in_stream
from probes.chunk import Chunk, Chunks
from probes.column import added, column, extended
from probes.failure import Failure, Reason
from probes.framing import Frame, FramingError, framer
from probes.likeness import Likenesses
from probes.own_account import Native
from probes.piece import Hear, Piece, joined
from probes.record import TokenSource
from probes.tokens import TokenCount, apportioned
from probes.wire.order import Read

TEXT_LIMIT = 1_000_000
"""Characters of an answer that are kept; a longer one is still counted and timed to its end."""

MOST_ALIKE = 100
"""How many of its last pieces are compared with each other."""

FEWEST_TOGETHER, MOST_TOGETHER = 4, 256
"""How many reads are looked at together for frames that are alike: few at first, and twice as many each time that all are."""

STRAY_LINES = 20
"""How many stray lines are each looked at for an error."""

_NOTHING = frozenset({b"", b"null"})
"""Data of a frame by which a server only shows that it is there."""
_ERROR_EVENT = re.compile(rb"(^|[._:-])(err|error|errored|exception|failed|failure|fatal)$", re.IGNORECASE)
"""Names of events that are errors: `error` (Dynamo, Anthropic, DashScope), `response.failed`."""
_ERROR_COMMENT = re.compile(rb"error\s*:", re.IGNORECASE)
_ERROR_BEGINS = re.compile(rb'\{\s*"(?:error|type"\s*:\s*"error)"')
"""How an error begins that was written behind a frame which was broken off, into the same line. Inside a text the quotes would have backslashes
before them.
"""
_PLAIN_EVENTS = frozenset({b"", b"message"})


class Counted(NamedTuple):
    """The chunks that bear tokens, with those that they are known to bear, and where these are from: None where there are no
    chunks, or where their tokens cannot be told.
    """

    chunks: Chunks
    token_source: TokenSource | None


class Answer:
    """Takes a chat's reads in order, whole or in slices. Stops at the terminal marker or at the first failure; what
    comes later is ignored.

    What an engine sends never raises: it is read, or it is a failure.
    """

    def __init__(self, form: WireForm, hear: Hear | None = None) -> None:
        """`hear` is told each piece of it once that was read."""
        self._form = form
        self._hear = hear
        self._framer = framer(form.framing)
        self._tokens = TokenCount()
        self._text = bytearray()
        """In UTF-8, of which a piece takes its own length; with halves of characters as they came."""
        self._text_size = 0
        self._text_bytes = column()
        self._last_created_ns: int | None = None
        self._server_gaps = array("d")
        self._native: Native | None = None
        self._likenesses = Likenesses(form)
        self._together = FEWEST_TOGETHER
        self._chunks = Chunks()
        self.first_content_ns: int | None = None
        self.finished_ns: int | None = None
        self.failure: Failure | None = None
        self.finish_reason: str | None = None
        self.input_tokens: int | None = None
        self.kernel_clock = True
        self._last_piece = ""
        self.alike = 0
        """How many of its last pieces of text are the same, white space around them aside; `MOST_ALIKE` at most."""
        self.reasoned = False
        self.stray = ""
        """What came in the stream and is nothing of it, as a gateway writes an error into a stream that it had
        announced.
        """
        self.first_frame = b""
        """The data of the first frame, which shows what the stream is."""
        self._reported_tokens: int | None = None
        self._running_tokens: int | None = None
        self._reasoning_tokens: int | None = None

    @property
    def over(self) -> bool:
        return self.finished_ns is not None or self.failure is not None

    @property
    def text(self) -> str:
        """The answer's text. Halves of a character that came apart are put together; one that stayed alone is U+FFFD."""
        return joined([self._text.decode(errors="surrogatepass")])

    @property
    def output_tokens(self) -> int | None:
        """The engine's total where it gave one, its last running usage where it did not come so far, else the tokens that chunks bore."""
        return self._told_tokens or self._known()[2] or None

    @property
    def _told_tokens(self) -> int | None:
        """The engine's own figure. A count of zero is none: it stands beside text, or there is nothing to count. A running
        one is none when it has stood still while text came, but for the total that each chunk tells.
        """
        running, standing = self._running_tokens, self._tokens.standing
        chunks = self._tokens.with_text if standing else self._tokens.total
        if standing and standing < chunks and self._reported_tokens == standing:
            return None
        return self._reported_tokens or (running if running and running >= chunks else None)

    @property
    def counted_by_usage(self) -> bool:
        """Whether `output_tokens` is the engine's own figure."""
        return self._told_tokens is not None

    @property
    def began(self) -> bool:
        """Whether a chunk that bears tokens has come."""
        return bool(self._chunks)

    @property
    def counted(self) -> Counted:
        """Its chunks so far. Apportions tokens anew each time."""
        chunks, text_bytes, known = self._known()
        if not chunks:
            return Counted(chunks[:], None)
        hidden = 0 if self.reasoned else self._reasoning_tokens or 0
        total = (self._told_tokens or 0) - hidden
        # one token more is the end of the sequence: it comes behind the text, and no chunk bears it
        if total <= known + 1:
            return Counted(chunks[:], "usage" if self._tokens.by_usage else "chunks")
        tokens = apportioned(chunks.borne, text_bytes, total)
        return Counted(chunks.bearing(tokens), None if tokens is None else "apportioned")

    def _known(self) -> tuple[Chunks, Sequence[int], int]:
        """The token-bearing chunks, the bytes of each one's text, and the tokens that they told together.

        Of a usage that stood still they are those with text, one token each.
        """
        if not self._tokens.standing:
            return self._chunks, self._text_bytes, self._tokens.total
        with_text = [chunk._replace(tokens=1) for chunk, size in zip(self._chunks, self._text_bytes, strict=True) if size]
        return Chunks(with_text), [size for size in self._text_bytes if size], len(with_text)

    @property
    def native(self) -> Native:
        said = self._native or Native()
        return replace(said, server_gaps_seconds=tuple(self._server_gaps)) if self._last_created_ns is not None else said

    def feed(self, reads: Sequence[Read]) -> None:
        place = 0
        while place < len(reads) and not self.over:
            together = reads[place : place + self._together]
            alike = self._take_alike(together)
            if not alike:
                self._read(reads[place])
            place += alike or 1
            self._together = min(2 * self._together, MOST_TOGETHER) if alike == len(together) else FEWEST_TOGETHER

    def _take_alike(self, reads: Sequence[Read]) -> int:
        """Take the reads that each hold a frame like those before, up to the first other one; how many they are."""
        likeness = self._likenesses.found
        if likeness is None or not self._framer.idle:
            return 0
        bodies, stamps_ns, floors_ns, kernel, exact = zip(*reads, strict=True)
        texts, text_bytes, running_tokens = likeness.said(bodies)
        if not (alike := len(texts)):
            return 0
        stamps_ns = stamps_ns[:alike]
        tokens = self._tokens.borne_by_texts(running_tokens)
        self._chunks.extend(stamps_ns, tokens, [0 if one else stamp - floor for stamp, floor, one in zip(stamps_ns, floors_ns, exact, strict=False)])
        self._text_bytes = extended(self._text_bytes, text_bytes)
        self._framer.skip(sum(map(len, bodies[:alike])))
        self.kernel_clock = self.kernel_clock and all(kernel[:alike])
        self._note_alike(likeness.example, texts, stamps_ns[0], running_tokens[-1])
        if self._hear is not None:
            for stamp_ns, borne, text in zip(stamps_ns, tokens, texts, strict=True):
                self._hear(Piece(stamp_ns, borne, *((text, "") if likeness.example.text else ("", text))))
        return alike

    def _read(self, read: Read) -> None:
        self.kernel_clock = self.kernel_clock and read.kernel
        stands_for_itself = self._framer.idle
        try:
            self._take(self._framer.feed(read.body), read)
        except FramingError as error:
            self._take(list(error.frames), read)
            if not self.over:
                self._fail(Reason.PROTOCOL, str(error), read.stamp_ns)
        if stands_for_itself and self._framer.idle:
            self._likenesses.learn(read.body)

    def close(self, last: Read | None) -> None:
        """The body is over; a last line or event without its end counts if it is whole. `last` is the read that brought
        it.
        """
        if last is not None and not self.over:
            self._take(self._framer.close(), last)

    def end(self, at_ns: int) -> None:
        """The HTTP message ended properly at that instant, which ends an answer whose finish reason has come."""
        if self.finish_reason is not None and not self.over:
            self._finish(at_ns)

    def _take(self, frames: list[Frame], read: Read) -> None:
        for place, frame in enumerate(frames, 1):
            behind = self._framer.fed_bytes - frame.end
            followed = place < len(frames) or (behind > 0 and bool(read.body[-behind:].strip(b"\r\n")))
            event = self._event(frame, read)
            if event is not None:
                self._note(event, read, followed)
            if self.over:
                return

    def _event(self, frame: Frame, read: Read) -> Event | None:
        """What a frame says: the error beside its data, else its data; None where that is nothing."""
        if frame.event or frame.comment or frame.stray:
            refusal = self._error_beside(frame)
            if refusal is not None:
                return Event(refusal=refusal)
            if frame.event not in _PLAIN_EVENTS and _only_speaks(frame.data):
                return None
        if frame.data.strip() in _NOTHING:
            return None
        self.first_frame = self.first_frame or frame.data
        try:
            return self._form.read(frame.data)
        except FrameError as error:
            refusal = self._error_in(_written_last(frame.data))
            if refusal is not None:
                return Event(refusal=refusal)
            if frame.event in _PLAIN_EVENTS:
                self._fail(Reason.PROTOCOL, str(error), read.stamp_ns)
            return None

    def _error_beside(self, frame: Frame) -> Refusal | None:
        """The error that the name of an event, its comments, or lines that are nothing of SSE tell."""
        if _ERROR_EVENT.search(frame.event):
            return self._named_error(frame)
        if _ERROR_COMMENT.match(frame.comment) or frame.comment.startswith(b"{"):
            found = complaint_in(frame.comment)
            if found is not None or not frame.comment.startswith(b"{"):
                return in_stream(found or Complaint(_words(frame.comment)))
        if frame.stray:
            if found_named := _ERROR_COMMENT.match(frame.stray):
                # `error: {…}`, as a field of its own (llama.cpp until the middle of 2024)
                return in_stream(complaint_in(frame.stray[found_named.end() :]) or Complaint(_words(frame.stray)))
            lines = [line for line in frame.stray.split(b"\n") if line.startswith((b"{", b"["))]
            for candidate in (frame.stray, *lines[:STRAY_LINES]):
                refusal = self._error_in(candidate)
                if refusal is not None:
                    return refusal
            self.stray = self.stray or _words(frame.stray)
        return None

    def _named_error(self, frame: Frame) -> Refusal:
        """An `event: error`, with its words in the data or, if it has none, in a comment (Dynamo)."""
        refusal = self._read_error(frame.data) or self._error_in(_written_last(frame.data))
        if refusal is not None:
            return refusal
        return in_stream(complaint_in(frame.data) or complaint_in(frame.comment) or Complaint(_words(frame.data) or _words(frame.comment)))

    def _error_in(self, data: bytes) -> Refusal | None:
        """The error that it is, by the engine's own adapter if that reads it; None for anything else."""
        found = complaint_in(data)
        return None if found is None else self._read_error(data) or in_stream(found)

    def _read_error(self, data: bytes) -> Refusal | None:
        """The error that the engine's own adapter reads in it."""
        try:
            return self._form.read(data).refusal
        except FrameError:
            return None

    def _note(self, event: Event, read: Read, followed: bool) -> None:
        tokens = self._tokens.borne_by(event)
        if tokens:
            exact = read.exact and not followed
            self._chunks.append(Chunk(read.stamp_ns, tokens, 0 if exact else read.stamp_ns - read.floor_ns, followed))
            self._text_bytes = added(self._text_bytes, event.text_bytes)
            self._note_created(event)
        if event.has_text:
            self._note_pieces((event.text + event.reasoning + event.tool_text,))
        if self._hear is not None and (tokens or event.has_text):
            self._hear(Piece(read.stamp_ns, tokens, event.text, event.reasoning))
        if event.reasoning:
            self.reasoned = True
        if event.text:
            if self.first_content_ns is None:
                self.first_content_ns = read.stamp_ns
            self._keep(event.text)
        self._note_counts(event)
        if event.finish_reason:
            self.finish_reason = event.finish_reason
        if event.native is not None:
            self._native = event.native
        if event.refusal is not None:
            self._break_off(event.refusal, read.stamp_ns)
        elif event.done:
            self._finish(read.stamp_ns)

    def _note_alike(self, example: Event, texts: list[str], began_ns: int, running_tokens: int | None) -> None:
        """What frames say together that say what the example says, but for their texts and the running usage, which was so much at their end."""
        self._note_pieces(texts)
        if example.text:
            if self.first_content_ns is None:
                self.first_content_ns = began_ns
            for text in ("".join(texts),) if self._text_size + sum(map(len, texts)) < TEXT_LIMIT else texts:
                self._keep(text)
        else:
            self.reasoned = True
        self._note_counts(example._replace(running_tokens=running_tokens))
        self._native = example.native or self._native

    def _note_counts(self, event: Event) -> None:
        self._running_tokens = event.running_tokens or self._running_tokens
        self._reported_tokens = event.output_tokens or self._reported_tokens
        if event.reasoning_tokens is not None:
            self._reasoning_tokens = event.reasoning_tokens
        if event.input_tokens:  # a prompt of no tokens was not sent
            self.input_tokens = event.input_tokens

    def _note_created(self, event: Event) -> None:
        if event.created_ns is None:
            return
        if self._last_created_ns is not None:
            self._server_gaps.append((event.created_ns - self._last_created_ns) / 1e9)
        self._last_created_ns = event.created_ns

    def _note_pieces(self, pieces: Sequence[str]) -> None:
        last = pieces[-1].strip()
        alike = next((place for place, piece in enumerate(reversed(pieces)) if piece.strip() != last), len(pieces))
        if alike == len(pieces) and last == self._last_piece:
            alike += self.alike
        self.alike, self._last_piece = min(alike, MOST_ALIKE), last

    def _keep(self, text: str) -> None:
        if self._text_size < TEXT_LIMIT:
            self._text += text.encode(errors="surrogatepass")
            self._text_size += len(text)

    def _finish(self, at_ns: int) -> None:
        self.finished_ns = at_ns
        if not self._chunks:
            unseen = f", though the engine counts {self._told_tokens}" if self._told_tokens else ""
            self._fail(Reason.EMPTY, f"the answer ended without a token{unseen}", at_ns)

    def _break_off(self, refusal: Refusal, at_ns: int) -> None:
        """Before any token an error is told as what it stands for, as a status would be; after one, the answer broke
        off.
        """
        answered = self._chunks and refusal.reason is not Reason.OVERLOADED
        self._fail(Reason.ERROR_IN_STREAM if answered else refusal.reason, refusal.detail, at_ns)

    def _fail(self, reason: Reason, detail: str, at_ns: int) -> None:
        self.failure = Failure(reason, detail, at_ns)


def _only_speaks(data: bytes) -> bool:
    """Whether the data of a named event has words as an error would, and nothing that says that it is one."""
    found = complaint_in(data)
    return found is not None and not found.certain


def _written_last(data: bytes) -> bytes:
    """Where an event holds what was broken off before it: its last line, and of that what begins as an error does."""
    line = data[data.rfind(b"\n") + 1 :]
    begins = [found.start() for found in _ERROR_BEGINS.finditer(line)]
    return line[begins[-1] :] if begins else line


def _words(line: bytes) -> str:
    return line.decode(errors="replace").strip()
