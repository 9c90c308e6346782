"""Which page stands where."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from aiohttp import web

from exporter.web.pages.alerting import alerts
from exporter.web.pages.configuration import configuration
from exporter.web.pages.feeds import Feed, Page
from exporter.web.pages.framing import HEADERS, PLACES, framed
from exporter.web.pages.health import health
from exporter.web.pages.live import Live
from exporter.web.pages.nowhere import nowhere
from exporter.web.pages.overview import Overview
from exporter.web.pages.scenarios import scenarios
from exporter.web.pages.scene import Scene
from exporter.web.pages.sources import discovery
from exporter.web.pages.static import assets
from exporter.web.pages.target import TargetPage
from exporter.web.pages.templates import render
from exporter.web.pages.whole import Whole

_WHOLE: dict[str, Callable[[Scene], str]] = {
    "/scenarios": scenarios,
    "/alerts": alerts,
    "/discovery": discovery,
    "/configuration": configuration,
    "/health": health,
}
_TARGETS = "/targets/"
_LIVE = "/live"
_FEEDS_KEPT = 64
"""Pages whose parts are remembered, the last looked at. The overview is always one of them."""
_DIGITS = 18
"""Of a revision that is one."""
_FOREVER = "public, max-age=31536000, immutable"


class Pages:
    """All pages, as aiohttp's handlers."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._live = Live()
        self._overview = Feed(Overview(scene))
        self._feeds: OrderedDict[str, Feed] = OrderedDict()

    def add_to(self, app: web.Application) -> None:
        """Serve the pages. All of them only show."""
        app.middlewares.append(nowhere(self._scene.clock))
        for path in ("/", *_WHOLE):
            app.router.add_get(path, self.page)
        app.router.add_get(_TARGETS + "{name:.+}", self.page)
        app.router.add_get(_LIVE + "/{path:.*}", self.live, allow_head=False)
        app.router.add_get("/static/{name}", self.asset)
        app.on_shutdown.append(self._live.close)

    async def page(self, request: web.Request) -> web.Response:
        path = request.path
        feed = self._feed(path)
        if feed is None:
            return self._missing(request, path)
        await feed.catch_up()
        response = web.Response(text=self._whole(request, feed), content_type="text/html", headers=HEADERS)
        response.enable_compression()
        return response

    async def live(self, request: web.Request) -> web.StreamResponse:
        path = "/" + request.match_info["path"]
        feed = self._feed(path)
        if feed is None:
            return web.Response(status=404, text="There is no such page.\n")
        since = request.headers.get("Last-Event-ID") or request.query.get("since", "")
        number = int(since) if since.isdecimal() and len(since) < _DIGITS else 0
        return await self._live.answer(request, path, feed, number, request.query.get("arrangement", ""))

    async def asset(self, request: web.Request) -> web.Response:
        asset = assets().get(request.match_info["name"])
        if asset is None:
            return web.Response(status=404, text="There is no such file.\n")
        lasting = _FOREVER if request.query.get("v") == asset.version else "no-cache"
        response = web.Response(body=asset.body, content_type=asset.content_type, charset="utf-8", headers={"Cache-Control": lasting})
        response.etag = asset.version
        response.enable_compression()
        return response

    def _feed(self, path: str) -> Feed | None:
        """The parts of a page; None where there is none."""
        if path == "/":
            return self._overview
        page = self._page(path)
        if page is None:
            return None
        feed = self._feeds.get(path)
        if feed is None:
            feed = self._feeds[path] = Feed(page)
        self._feeds.move_to_end(path)
        while len(self._feeds) > _FEEDS_KEPT:
            self._feeds.popitem(last=False)
        return feed

    def _page(self, path: str) -> Page | None:
        if path in _WHOLE:
            return Whole(self._scene, _WHOLE[path])
        name = path.removeprefix(_TARGETS)
        return TargetPage(self._scene, name) if path.startswith(_TARGETS) and name in self._scene.standing.stands else None

    def _whole(self, request: web.Request, feed: Feed) -> str:
        path = request.path
        name = dict(PLACES).get(path) or path.removeprefix(_TARGETS)
        main, at = feed.main(request.query), self._scene.clock.epoch_seconds()
        return framed(request, name, main, at, live=_LIVE + path, revision=feed.revision, arrangement=feed.arrangement)

    def _missing(self, request: web.Request, path: str) -> web.Response:
        """Where a target was that is gone, or where there never was one."""
        main = render("missing.html", name=path.removeprefix(_TARGETS))
        text = framed(request, "No such target", main, self._scene.clock.epoch_seconds())
        return web.Response(status=404, text=text, content_type="text/html", headers=HEADERS)
