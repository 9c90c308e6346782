"""Regular expressions on answers, bounded in time: an engine must not be able to hold chatprobe by what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field

import regex

from probes.ask import Reply, TooSlowError
from probes.wording import shortened

TIME_LIMIT_SECONDS = 0.1
"""For one expression on one answer: what needs longer has lost its way."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A regular expression as the library `regex` reads it, compiled when it is made.

    Raises `ValueError` for a text that is none; what was written is not repeated in it.
    """

    written: str
    _compiled: regex.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_compiled", _compiled(self.written))

    def found_in(self, text: str) -> bool:
        """Whether it matches anywhere in the text. Raises `TooSlowError`."""
        try:
            return self._compiled.search(text, timeout=TIME_LIMIT_SECONDS) is not None
        except TimeoutError:
            raise TooSlowError(f"took longer than {TIME_LIMIT_SECONDS:g} s") from None


def _compiled(written: str) -> regex.Pattern[str]:
    try:
        return regex.compile(written)
    except regex.error as error:
        at = getattr(error, "pos", None)
        where = "" if at is None else f", it goes wrong at character {at + 1}"
        raise ValueError(f"is no regular expression{where}; mend it, and put a backslash before what stands for itself") from None
    except (RecursionError, OverflowError):
        raise ValueError("is a regular expression too deep to be read; write a simpler one") from None
    except ValueError:
        raise ValueError("has flags that exclude each other, or a number that is too long; write a simpler one") from None


@dataclass(frozen=True, slots=True)
class Matches:
    """The expression matches somewhere in the answer."""

    expression: Expression

    def wrong(self, reply: Reply) -> str | None:
        return None if self.expression.found_in(reply.text) else f"does not match {shortened(self.expression.written, 120)}"
