"""The checks of a scenario's answers, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from probes.ask import Reply, TooSlowError, Wrong


class Expected(Protocol):
    """One thing that is expected of an answer."""

    def wrong(self, reply: Reply) -> str | None:
        """What is wrong with the answer, for people; or None. It may quote the answer at any length. Raises `TooSlowError`."""


@dataclass(frozen=True, slots=True)
class Checks:
    """Several expectations by name, a `Check`: they are looked at in order, and the first that is not met is what is wrong."""

    expected: Mapping[str, Expected]

    def __call__(self, reply: Reply) -> Wrong | None:
        for name, expectation in self.expected.items():
            try:
                detail = expectation.wrong(reply)
            except TooSlowError as error:
                raise TooSlowError(f"the check {name} {error}") from None
            if detail is not None:
                return Wrong(name, detail)
        return None
