"""One engine's answer while it comes: what is shown of it at an instant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from probes.piece import Piece, joined
from traffic.race.figures import Figures

Now = Callable[[], int]
"""The instant that is shown, in nanoseconds: the monotonic clock of a race, or that of a recording at its pace."""


@dataclass(slots=True)
class Lane:
    """Takes an answer piece by piece. Until it is over its times are those of the bytes as they came; then they are the record's."""

    name: str
    backend: str
    model: str = ""
    began_ns: int | None = None
    first_ns: int | None = None
    last_ns: int | None = None
    tokens: int = 0
    figures: Figures | None = None
    """Set once the answer is over."""
    _first_tokens: int = 0
    _texts: list[str] = field(default_factory=list)
    _thoughts: list[str] = field(default_factory=list)

    def begin(self, now_ns: int) -> None:
        """Its chat begins now; what it said before is gone."""
        self.began_ns = now_ns
        self.first_ns = self.last_ns = self.figures = None
        self.tokens = 0
        self._texts.clear()
        self._thoughts.clear()

    def sent(self, sent_ns: int) -> None:
        """Its request went out: from now on it is waited for."""
        self.began_ns = sent_ns

    def hear(self, piece: Piece) -> None:
        """It says more."""
        if piece.tokens:
            if self.first_ns is None:
                self.first_ns, self._first_tokens = piece.arrived_ns, piece.tokens
            self.last_ns = piece.arrived_ns
            self.tokens += piece.tokens
        if piece.text:
            self._texts.append(piece.text)
        if piece.reasoning:
            self._thoughts.append(piece.reasoning)

    def end(self, figures: Figures) -> None:
        """Its answer is over, and was measured."""
        self.figures = figures

    @property
    def text(self) -> str:
        """The answer so far, as the engine sent it: it may hold anything."""
        return joined(self._texts)

    @property
    def thoughts(self) -> str:
        """What it reasoned before it answered, as the engine sent it."""
        return joined(self._thoughts)

    def waited_seconds(self, now_ns: int) -> float | None:
        """For how long it has been asked without a token; None where it is not asked, or has begun to answer."""
        if self.began_ns is None or self.first_ns is not None or self.figures is not None:
            return None
        return max(0.0, (now_ns - self.began_ns) / 1e9)

    @property
    def ttft_seconds(self) -> float | None:
        """Time to first token, from the request's first byte."""
        if self.figures is not None:
            return self.figures.ttft_seconds
        if self.began_ns is None or self.first_ns is None:
            return None
        return max(0.0, (self.first_ns - self.began_ns) / 1e9)

    @property
    def tokens_per_second(self) -> float | None:
        """Output tokens a second since it was asked, as the record counts them over the whole chat."""
        if self.figures is not None:
            return self.figures.tokens_per_second
        if self.began_ns is None or self.last_ns is None or self.last_ns <= self.began_ns:
            return None
        return self.tokens / ((self.last_ns - self.began_ns) / 1e9)

    @property
    def tpot_seconds(self) -> float | None:
        """Time per token after the first piece; until the record says it, by the tokens that are known so far."""
        if self.figures is not None:
            return self.figures.tpot_seconds
        later = self.tokens - self._first_tokens
        if self.first_ns is None or self.last_ns is None or later < 1:
            return None
        return (self.last_ns - self.first_ns) / 1e9 / later
