"""A piece of an answer, as it arrived, and all pieces of an answer in little room."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple, overload

from probes.column import added, column, extended

NOT_TOLD = -1
"""In place of a number of tokens."""


class Chunk(NamedTuple):
    """A chunk that bears tokens: when it arrived, how many tokens it bears, and how much earlier than `arrived_ns` it
    may have come.

    `tokens` is None where their number cannot be told: the engine counts tokens that it did not show. `shared` says
    that something stood behind it in the same read, so that the kernel's stamp is that of a later segment.
    """

    arrived_ns: int
    tokens: int | None
    error_ns: int = 0
    shared: bool = False


_chunk = partial(tuple.__new__, Chunk)
"""Makes one of its fields in half the time."""


class Chunks(Sequence[Chunk]):
    """Chunks in columns of numbers: 14 bytes for most, where a tuple and its numbers take 150."""

    __slots__ = ("_arrived_ns", "_error_ns", "_shared", "_tokens")

    def __init__(self, chunks: Iterable[Chunk] = ()) -> None:
        self._arrived_ns = array("q")
        self._tokens = column()
        self._error_ns = column()
        self._shared = bytearray()
        for chunk in chunks:
            self.append(chunk)

    def append(self, chunk: Chunk) -> None:
        """One more has come. No chunk bears more tokens than 64 bits can count, whatever an engine says."""
        arrived_ns, tokens, error_ns, shared = chunk
        self._arrived_ns.append(arrived_ns)
        self._tokens = added(self._tokens, NOT_TOLD if tokens is None else tokens)
        self._error_ns = added(self._error_ns, error_ns)
        self._shared.append(shared)

    def extend(self, arrived_ns: Sequence[int], tokens: Sequence[int], error_ns: Sequence[int]) -> None:
        """More have come, each alone in its read, whose tokens can be told."""
        self._arrived_ns.extend(arrived_ns)
        self._tokens = extended(self._tokens, tokens)
        self._error_ns = extended(self._error_ns, error_ns)
        self._shared.extend(bytes(len(arrived_ns)))

    def bearing(self, tokens: Iterable[int] | None) -> Chunks:
        """The same chunks as they are now, with other numbers of tokens; None where these cannot be told."""
        borne = column((NOT_TOLD,)) * len(self) if tokens is None else column(tokens)
        return self._of(slice(None), borne)

    @classmethod
    def of(cls, chunks: Sequence[Chunk]) -> Chunks:
        """These chunks in columns: themselves where they are, which is read in a tenth of the time that the chunks one by one take."""
        return chunks if isinstance(chunks, cls) else cls(chunks)

    @property
    def arrived_ns(self) -> Sequence[int]:
        """When each arrived."""
        return self._arrived_ns

    @property
    def borne(self) -> Sequence[int]:
        """The tokens of each; -1 where they cannot be told."""
        return self._tokens

    @property
    def error_ns(self) -> Sequence[int]:
        """How much earlier each may have come."""
        return self._error_ns

    @property
    def shared(self) -> Sequence[int]:
        """1 for each that had something behind it in its read, else 0."""
        return self._shared

    @overload
    def __getitem__(self, place: int) -> Chunk: ...

    @overload
    def __getitem__(self, place: slice) -> Chunks: ...

    def __getitem__(self, place: int | slice) -> Chunk | Chunks:
        if isinstance(place, slice):
            return self._of(place, self._tokens[place])
        tokens = self._tokens[place]
        return _chunk((self._arrived_ns[place], None if tokens == NOT_TOLD else tokens, self._error_ns[place], bool(self._shared[place])))

    def __iter__(self) -> Iterator[Chunk]:
        tokens = [None if number == NOT_TOLD else number for number in self._tokens] if NOT_TOLD in self._tokens else self._tokens
        return map(_chunk, zip(self._arrived_ns, tokens, self._error_ns, map(bool, self._shared), strict=True))

    def __len__(self) -> int:
        return len(self._arrived_ns)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(one == another for one, another in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))

    def _of(self, place: slice, tokens: array[int]) -> Chunks:
        found = Chunks()
        found._arrived_ns, found._tokens = self._arrived_ns[place], tokens
        found._error_ns, found._shared = self._error_ns[place], self._shared[place]
        return found
