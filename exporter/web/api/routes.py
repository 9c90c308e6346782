"""The operations of `/api/v1`, each with its path and its models."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from http import HTTPStatus
from typing import Any, Final

import orjson
from aiohttp import web

from exporter.web.api.actions import Actions
from exporter.web.api.document import document
from exporter.web.api.models import (
    PairState,
    ProbeAnswer,
    ProbeAsked,
    Record,
    RunAsked,
    RunState,
    SloState,
    Summary,
    Target,
    WhichLive,
    WhichPairs,
    WhichRecords,
    WhichSummary,
    WhichTargets,
)
from exporter.web.api.operations import JSON, NDJSON, Operation
from exporter.web.api.problems import as_problems
from exporter.web.api.records import Records
from exporter.web.api.runs import Runs
from exporter.web.api.standings import Standings

PREFIX = "/api/v1"
_NONE: Final = {HTTPStatus.NOT_FOUND: "There is none with this id."}
_STREAMS: Final = {HTTPStatus.SERVICE_UNAVAILABLE: "Too many streams are open."}


class Api:
    """All that is answered below `/api/v1`."""

    def __init__(self, standings: Standings, records: Records, actions: Actions, runs: Runs) -> None:
        self._standings = standings
        self._records = records
        self._actions = actions
        self._runs = runs

    def add_to(self, app: web.Application) -> None:
        """Have the application answer it. Errors below it have its form, those of middlewares that stand already too."""
        app.middlewares.insert(0, as_problems)
        for operation in self.operations:
            operation.add_to(app, PREFIX)
        app.router.add_get(f"{PREFIX}/openapi.json", self._document)

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        """All of them, in the order of the document."""
        return (*self._reading(), *self._acting())

    async def _document(self, _: web.Request) -> web.Response:
        return web.Response(body=orjson.dumps(self.document), content_type=JSON)

    @cached_property
    def document(self) -> dict[str, Any]:
        """The OpenAPI document."""
        return document(self.operations, PREFIX)

    def _reading(self) -> Iterator[Operation]:
        state, records = self._standings, self._records
        yield Operation(
            method="GET",
            path="/targets",
            name="targets",
            summary="The targets that are chatted with",
            handler=state.targets,
            answer=Target,
            is_list=True,
            query=WhichTargets,
        )
        yield Operation(
            method="GET",
            path="/records",
            name="records",
            summary="The last chats, newest first",
            handler=records.page,
            answer=Record,
            is_list=True,
            query=WhichRecords,
            media=(JSON, NDJSON),
            headers={"Link": 'where older ones are (RFC 8288, rel="next"); left out on the last page'},
        )
        yield Operation(
            method="GET",
            path="/records/live",
            name="live",
            summary="Each chat as it ends, a line each",
            handler=records.live,
            answer=Record,
            query=WhichLive,
            media=(NDJSON,),
            problems=_STREAMS,
        )
        yield Operation(method="GET", path="/records/{id}", name="record", summary="One chat", handler=records.one, answer=Record, problems=_NONE)
        yield Operation(
            method="GET",
            path="/summary",
            name="summary",
            summary="The chats of a time, summed up by target and scenario",
            handler=state.summary,
            answer=Summary,
            is_list=True,
            query=WhichSummary,
        )
        yield Operation(
            method="GET",
            path="/slos",
            name="slos",
            summary="How SLOs stand, and what is left of their error budgets",
            handler=state.slos,
            answer=SloState,
            is_list=True,
            query=WhichTargets,
        )
        yield Operation(
            method="GET",
            path="/pairs",
            name="pairs",
            summary="Which targets were better where one prompt went to several",
            handler=state.pairs,
            answer=PairState,
            is_list=True,
            query=WhichPairs,
        )

    def _acting(self) -> Iterator[Operation]:
        runs = self._runs
        yield Operation(
            method="POST",
            path="/probes",
            name="probe",
            summary="Hold one chat, and wait for its end",
            handler=self._actions.probe,
            answer=ProbeAnswer,
            body=ProbeAsked,
            problems={
                HTTPStatus.NOT_FOUND: "There is no such target or scenario.",
                HTTPStatus.CONFLICT: "No scenario is named, and several are for the target.",
                HTTPStatus.SERVICE_UNAVAILABLE: "This process does not chat now.",
            },
            operate=True,
        )
        yield Operation(
            method="GET", path="/runs", name="runs", summary="Benchmark runs that were started here", handler=runs.all, answer=RunState, is_list=True
        )
        yield Operation(
            method="POST",
            path="/runs",
            name="start_run",
            summary="Start a benchmark run",
            handler=runs.start,
            answer=RunState,
            status=HTTPStatus.ACCEPTED,
            body=RunAsked,
            problems={HTTPStatus.CONFLICT: "Another one goes on.", HTTPStatus.NOT_IMPLEMENTED: "None can be held here."},
            operate=True,
        )
        yield Operation(method="GET", path="/runs/{id}", name="run", summary="One benchmark run", handler=runs.one, answer=RunState, problems=_NONE)
        yield Operation(
            method="DELETE",
            path="/runs/{id}",
            name="cancel_run",
            summary="Have a benchmark run end; what was measured is kept",
            handler=runs.cancel,
            answer=RunState,
            status=HTTPStatus.ACCEPTED,
            problems=_NONE,
            operate=True,
        )
        yield Operation(
            method="GET",
            path="/runs/{id}/live",
            name="follow_run",
            summary="How a benchmark run stands whenever that changes, a line each",
            handler=runs.follow,
            answer=RunState,
            media=(NDJSON,),
            problems={**_NONE, **_STREAMS},
        )
