"""A page that is one part, made anew after some seconds while somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from markupsafe import Markup

from exporter.web.pages.feeds import Part
from exporter.web.pages.scene import Scene
from traffic.schedule import NANOSECONDS

FRESH_SECONDS = 5.0


class Whole:
    """`html` makes its element, whose id is `whole`."""

    def __init__(self, scene: Scene, html: Callable[[Scene], str]) -> None:
        self._scene = scene
        self._html = html

    def arrangement(self) -> str:
        return ""

    def parts(self) -> Iterator[Part]:
        yield Part("whole", int(self._scene.clock.monotonic_ns() / NANOSECONDS / FRESH_SECONDS), lambda: self._html(self._scene))

    def html(self, parts: Mapping[str, Markup], query: Mapping[str, str]) -> str:
        return parts["whole"]
