"""Which chunks bear tokens, and how many: the running count of one chat, and what its total says of the chunks
afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence

from probes.backends.base import Event


class TokenCount:
    """The running count. A frame sets it to the running usage where it carries one, and raises it by at least one if it
    has text or is a token by its form; a chunk bears the tokens by which it raised the count. The count never falls,
    whatever an engine reports.

    A count on a chunk without text is a running one only if every token so far was counted so, and on a finish chunk
    only if such counts came before: else it is the total of the answer, and none of it came with that chunk. One that
    is the same on every chunk with text counted none of them (`standing`), which shows only afterwards.
    """

    def __init__(self) -> None:
        self.total = 0
        self.by_usage = True
        """Every rise so far came from usage."""
        self._counted = False
        """A running usage came."""
        self.with_text = 0
        """How many chunks had text."""
        self._of_all: int | None = None
        """The usage that each of these had."""

    @property
    def standing(self) -> int:
        """The usage that is the same on all of several chunks with text: the total on each of them, or what each bears
        by itself. 0 where there is none.
        """
        return (self._of_all or 0) if self.with_text > 1 else 0

    def borne_by(self, event: Event) -> int:
        """The tokens that this frame's chunk bears."""
        before = self.total
        usage = event.running_tokens
        bears_text = event.has_text or event.is_token
        if usage is not None and usage > before and self._is_running(event, bears_text):
            self.total = usage
        elif bears_text:
            self.total = before + 1
            self.by_usage = False
        self._counted = self._counted or usage is not None
        if event.has_text:
            self._note_usage(usage)
        return self.total - before

    def borne_by_texts(self, running_tokens: Sequence[int | None]) -> list[int]:
        """The same of chunks that have text and end nothing, by their running usage."""
        following = range(self.total + 1, self.total + 1 + len(running_tokens))
        if len(following) < 2 or list(following) != running_tokens:
            return [self._borne_by_text(usage) for usage in running_tokens]
        self.total, self._of_all, self._counted = following[-1], None, True
        self.with_text += len(following)
        return [1] * len(following)

    def _borne_by_text(self, running_tokens: int | None) -> int:
        before = self.total
        self._note_usage(running_tokens)
        if running_tokens is not None:
            self._counted = True
            if running_tokens > before:
                self.total = running_tokens
                return running_tokens - before
        self.total = before + 1
        self.by_usage = False
        return 1

    def _note_usage(self, usage: int | None) -> None:
        if usage != self._of_all:
            self._of_all = None if self.with_text else usage
        self.with_text += 1

    def _is_running(self, event: Event, bears_text: bool) -> bool:
        if event.finish_reason:
            return self._counted and self.by_usage
        return bears_text or self.by_usage


def apportioned(counted: Sequence[int], text_bytes: Sequence[int], total: int) -> tuple[int, ...] | None:
    """The tokens of each chunk, where the answer has more than the chunks could tell: what is over is shared out by the
    length of their text.

    Tokens are made of bytes, so that where there are more than bytes some of them were never shown: then none can be
    apportioned, and the result is None. Shares are whole, and add up to `total`; the largest remainders go first
    (Hamilton's method).
    """
    size = sum(text_bytes)
    if total > size + len(counted):  # a blank in front and the end of the sequence are tokens without text, but not many are
        return None
    over = total - sum(counted)
    shares = [divmod(over * length, size) for length in text_bytes]
    left = over - sum(share for share, _ in shares)
    rounded_up = set(sorted(range(len(shares)), key=lambda place: (-shares[place][1], place))[:left])
    return tuple(tokens + share + (place in rounded_up) for place, (tokens, (share, _)) in enumerate(zip(counted, shares, strict=True)))
