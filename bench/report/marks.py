"""How each target looks in every chart: a colour and a marker by its engine, a dash and a pattern where engines repeat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from catalogue.look import shade_of, shape_of

DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
_SUFFIXES = ("", "-open", "-dot", "-open-dot", "-open")
"""Of markers: targets of one engine share its shape, filled or not."""
PATTERNS = ("", "/", ".", "x", "-")


@dataclass(frozen=True, slots=True)
class Mark:
    """One target's look, in Plotly's words. `colour` is that of the light theme."""

    colour: str
    symbol: str
    dash: str
    pattern: str

    def faint(self, alpha: str = "33") -> str:
        """The colour for areas that others shine through; `alpha` is two hexadecimal digits."""
        return f"{self.colour}{alpha}"


def marks(backends: Mapping[str, str]) -> dict[str, Mark]:
    """The look of each target, whose engine is given by its name. Engines without a colour of their own count as one."""
    seen: Counter[str] = Counter()
    found = {}
    for target, backend in backends.items():
        colour = shade_of(backend).light
        number = seen[colour] % len(DASHES)
        found[target] = Mark(colour, f"{shape_of(backend)}{_SUFFIXES[number]}", DASHES[number], PATTERNS[number])
        seen[colour] += 1
    return found
