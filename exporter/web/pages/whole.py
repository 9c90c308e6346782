"""A page that is one part, made anew after some seconds while somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from markupsafe import Markup

from exporter.web.pages.feeds import Part
from exporter.web.pages.known import Known
from traffic.schedule import NANOSECONDS

FRESH_SECONDS = 5.0


class Whole:
    """`html` makes its element, whose id is `whole`."""

    def __init__(self, known: Known, html: Callable[[Known], str]) -> None:
        self._known = known
        self._html = html

    def arrangement(self) -> str:
        return ""

    def parts(self) -> Iterator[Part]:
        yield Part("whole", int(self._known.clock.monotonic_ns() / NANOSECONDS / FRESH_SECONDS), lambda: self._html(self._known))

    def html(self, parts: Mapping[str, Markup], query: Mapping[str, str]) -> str:
        return parts["whole"]
