"""`/race`: the same prompt to several engines at one instant, and their answers side by side while they come."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from http import HTTPStatus

import orjson
from aiohttp import web

from exporter.negotiation import wishes
from exporter.web.pages.framing import HEADERS, RACE, framed
from exporter.web.pages.race_form import LONGEST_PROMPT, FormError, entry_of, is_unwritten, read_form
from exporter.web.pages.race_lanes import place, shown
from exporter.web.pages.templates import render
from exporter.web.probing import StandingByError
from exporter.web.racing import MOST_ROUNDS, MOST_SIDE_BY_SIDE, Contest, Entry, Racing
from exporter.web.room import TooOftenError
from exporter.web.security.roles import may_operate, needs_operate
from exporter.web.security.streams import event_stream
from traffic.pairs import Measure
from traffic.schedule import Clock

REFRESH_SECONDS = 0.1
"""Stamps are taken in the measuring worker, which has nothing to do with it."""
SLOW_SECONDS = 30.0
"""A reader who takes in nothing for so long is given up, and the race with it."""
_STREAM = "text/event-stream"


class RacePage:
    """The page, and the races that are begun from it."""

    def __init__(self, clock: Clock, racing: Racing) -> None:
        self._clock = clock
        self._racing = racing

    def add_to(self, app: web.Application) -> None:
        """Serve the page."""
        app.router.add_get(RACE, self.page)
        app.router.add_post(RACE, needs_operate(self.race))

    async def page(self, request: web.Request) -> web.Response:
        """What may be raced, and what it costs. Whatever was chosen stands in the query."""
        return self._form(request, request.query, request.query.getall("target", []))

    async def race(self, request: web.Request) -> web.StreamResponse:
        """A race: as a stream of events while it goes on, or as a page once it is over."""
        told = await request.post()
        fields = {name: value for name, value in told.items() if isinstance(value, str)}
        targets = [value for value in told.getall("target", []) if isinstance(value, str)]
        if fields.get("do") == "cost":
            return self._form(request, fields, targets)
        try:
            form = read_form(fields, targets, self._racing.means.roster())
            if is_unwritten(form):
                raise FormError("Your own prompt is empty; write one, or choose another.")
            entry = entry_of(form, self._racing.means.roster())
            if any(wish.name == _STREAM for wish in wishes(request.headers.get("Accept", ""))):
                return await self._stream(request, entry)
            with event_stream(request), _looked_at(self._racing.begin(entry)) as contest:
                await contest.ended.wait()
            return self._whole(request, render("race_lanes.html", lanes=shown(contest)) + _result(contest), HTTPStatus.OK)
        except FormError as error:
            return self._refused(request, HTTPStatus.BAD_REQUEST, str(error))
        except TooOftenError as error:
            return self._refused(request, HTTPStatus.TOO_MANY_REQUESTS, f"{error}.")
        except StandingByError as error:
            return self._refused(request, HTTPStatus.SERVICE_UNAVAILABLE, f"{error}.")

    async def _stream(self, request: web.Request, entry: Entry) -> web.StreamResponse:
        """The race as events: `begin` with its lanes, `lanes` with what has come, `result` after each round."""
        response = web.StreamResponse(headers={"Content-Type": _STREAM, "Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        with event_stream(request), _looked_at(self._racing.begin(entry)) as contest:
            await response.prepare(request)
            with contextlib.suppress(TimeoutError, ConnectionError):
                await _tell(response, contest)
        return response

    def _form(self, request: web.Request, told: Mapping[str, str], targets: Sequence[str]) -> web.Response:
        """The form as it was filled in, with what the race would cost."""
        roster = self._racing.means.roster()
        trouble, form, cost = "", None, None
        try:
            form = read_form(told, targets, roster)
            cost = self._racing.most_tokens(entry_of(form, roster))
        except FormError as error:
            trouble = str(error)
        status = HTTPStatus.BAD_REQUEST if form is None and roster.config.scenarios else HTTPStatus.OK
        main = render(
            "race.html",
            form=form,
            cost=cost,
            trouble=trouble,
            may_operate=may_operate(request),
            scenarios=roster.config.scenarios,
            most_rounds=MOST_ROUNDS,
            most_targets=MOST_SIDE_BY_SIDE,
            longest_prompt=LONGEST_PROMPT,
            backends={name: endpoint.backend for name, endpoint in roster.endpoints.items()},
        )
        return self._page(request, main, status)

    def _whole(self, request: web.Request, content: str, status: HTTPStatus) -> web.Response:
        """A page of what came of a race."""
        return self._page(request, render("race_over.html", content=content), status)

    def _refused(self, request: web.Request, status: HTTPStatus, why: str) -> web.Response:
        """Why there is no race: as text for a script, as a page for people."""
        if any(wish.name == _STREAM for wish in wishes(request.headers.get("Accept", ""))):
            return web.Response(status=status, text=why)
        return self._whole(request, render("race_refused.html", why=why), status)

    def _page(self, request: web.Request, main: str, status: HTTPStatus) -> web.Response:
        text = framed(request, "Race", main, self._clock.epoch_seconds(), scripts=("race.js",))
        response = web.Response(status=status, text=text, content_type="text/html", headers=HEADERS)
        response.enable_compression()
        return response


@contextmanager
def _looked_at(contest: Contest) -> Iterator[Contest]:
    """A race goes on while somebody looks: whoever goes away spends no more tokens than those of the round that is under way."""
    try:
        yield contest
    finally:
        contest.stop()


async def _tell(response: web.StreamResponse, contest: Contest) -> None:
    told_rounds = 0
    await _write(response, "begin", {"lanes": render("race_lanes.html", lanes=shown(contest))})
    while True:
        over = contest.ended.is_set()
        lanes = [asdict(lane) for lane in shown(contest)]
        await _write(response, "lanes", {"place": place(contest), "prompt": contest.prompt, "lanes": lanes})
        if over or contest.score.rounds > told_rounds:
            told_rounds = contest.score.rounds
            await _write(response, "result", {"html": _result(contest)})
        if over:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(REFRESH_SECONDS):
                await contest.ended.wait()


async def _write(response: web.StreamResponse, event: str, data: Mapping[str, object]) -> None:
    async with asyncio.timeout(SLOW_SECONDS):
        await response.write(b"event: %b\ndata: %b\n\n" % (event.encode(), orjson.dumps(data)))


def _result(contest: Contest) -> str:
    """How the engines stand after the rounds so far."""
    backends = {lane.name: lane.backend for lane in contest.lanes.values()}
    return render(
        "race_result.html",
        standings=contest.score.standings(),
        rounds=contest.score.rounds,
        backends=backends,
        first=Measure.TTFT,
        fastest=Measure.TPOT,
        trouble=contest.trouble,
        verdict=contest.verdict,
        over=contest.ended.is_set(),
    )
