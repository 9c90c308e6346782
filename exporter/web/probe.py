"""`/probe`: one chat on request, as users of the blackbox exporter know it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator

from aiohttp import web

from exporter.web.probe_metrics import exposed, timeline
from exporter.web.probing import NoSuchNameError, Probed, Probing, StandingByError, UnclearError
from exporter.web.room import TooOftenError
from exporter.web.security.origins import from_elsewhere
from exporter.web.security.roles import ELSEWHERE

MARGIN_SECONDS = 0.5
"""So long before the scraper gives up, the chat ends: the blackbox exporter's own margin (its `--timeout-offset`)."""
_PARAMETERS = ("target", "scenario", "debug")
_OFF = (
    "/probe is off: it spends tokens for everybody who may read.\n"
    "Set web: {probe: true} to have Prometheus ask for chats, or POST to /api/v1/probes, which takes the role operate.\n"
)


class ProbeEndpoint:
    """Answers `GET /probe`, if the configuration has it `on`."""

    def __init__(self, probing: Probing, on: Callable[[], bool]) -> None:
        self._probing = probing
        self._on = on

    def add_to(self, app: web.Application) -> None:
        """Have the application answer it. Not `HEAD`, which would spend tokens for nothing."""
        app.router.add_get("/probe", self.answer, allow_head=False)

    async def answer(self, request: web.Request) -> web.Response:
        """One chat. 400 for what is no name, 403 where it is off, 429 where it is asked too often, 503 where this process does not chat."""
        if not self._on():
            return web.Response(status=403, text=_OFF)
        if from_elsewhere(request):  # a link in another site's page would spend tokens for whoever follows it
            return web.Response(status=403, text=ELSEWHERE)
        try:
            target, scenario, debug = _asked(request)
            patience = _patience(request.headers.get("X-Prometheus-Scrape-Timeout-Seconds", ""))
            asked = self._probing.probe(target, scenario, patience)
            probed = await (asyncio.wait_for(asked, patience + MARGIN_SECONDS / 2) if patience is not None else asked)
        except (NoSuchNameError, UnclearError) as error:
            return web.Response(status=400, text=f"{error}\n")
        except TooOftenError as error:
            return web.Response(status=429, text=f"{error}\n", headers={"Retry-After": "1"})
        except StandingByError as error:
            return web.Response(status=503, text=f"{error}\n")
        except TimeoutError:
            return web.Response(status=503, text="The probe took longer than the scraper waits: raise its scrape timeout.\n")
        body, content_type = exposed(probed, ",".join(request.headers.getall("Accept", [])))
        if debug:
            return web.Response(text="\n".join(_debugged(probed)) + "\n", content_type="text/plain")
        return web.Response(body=body, headers={"Content-Type": content_type, "Vary": "Accept"})


def _asked(request: web.Request) -> tuple[str, str | None, bool]:
    """The target, the scenario, and whether the timeline is wanted. Raises `UnclearError`."""
    for name in _PARAMETERS:
        if len(request.query.getall(name, [])) > 1:
            raise UnclearError(f"{name} is given more than once; give it once")
    if "module" in request.query:
        raise UnclearError("there are no modules here; give scenario=NAME")
    target = request.query.get("target", "")
    if not target:
        raise UnclearError("no target is given; ask for /probe?target=NAME&scenario=NAME")
    return target, request.query.get("scenario") or None, request.query.get("debug") == "true"


def _patience(scrape_timeout: str) -> float | None:
    """How long the chat may take for a scraper to hear of it; None where it does not say how long it waits."""
    try:
        seconds = float(scrape_timeout)
    except ValueError:
        return None
    if not 0 < seconds < math.inf:
        return None
    return seconds - MARGIN_SECONDS if seconds > 2 * MARGIN_SECONDS else seconds / 2


def _debugged(probed: Probed) -> Iterator[str]:
    yield "Timeline:"
    yield from timeline(probed)
    yield "\nMetrics that would have been returned:"
    yield exposed(probed, "text/plain")[0].decode().rstrip()
    yield f"\nScenario {probed.scenario}:"
    settings = probed.settings
    yield f"timeout {settings.timeout_seconds:g} s, first token {settings.first_token_timeout_seconds:g} s, at most {settings.max_tokens} tokens"
