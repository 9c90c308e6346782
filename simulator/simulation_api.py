"""The control endpoint under `/sim/`: faults while the engine runs, and the ground truth."""

from __future__ import annotations

from typing import Protocol

from aiohttp import web

from simulator.dialect import JSON, compact, object_of, whole_number
from simulator.dialects import shown_by
from simulator.fault_plan import FaultError, Faults, explain, parse, signature
from simulator.faults import FAULTS, Refuse
from simulator.reply import Reply
from simulator.truth import Truth

FAULTS_PATH = "/sim/faults"
TRUTH_PATH = "/sim/truth"


class Controlled(Protocol):
    """What of a simulated engine can be looked at and changed while it runs."""

    name: str
    truth: Truth
    faults: Faults

    @property
    def refusing(self) -> bool: ...

    async def refuse(self, seconds: float | None = None, spared: object = None) -> None: ...

    async def accept(self) -> None: ...


class SimulationApi:
    """Answers the requests of whoever runs the simulation; no fault concerns them.

    `GET /sim/faults` lists what is in force and what is known; `POST` takes `{"fault": "NAME[:PARAM]", "count": N, "probability": P}`, the last two
    optional; `DELETE` clears all, `DELETE /sim/faults/NAME` one kind. `GET /sim/truth` gives all chats remembered, `GET /sim/truth/{request id}` one.
    """

    def __init__(self, simulator: Controlled) -> None:
        self._simulator = simulator

    async def answer(self, request: web.BaseRequest, body: bytes) -> Reply:
        path, method = request.path, request.method
        name = path.removeprefix(FAULTS_PATH).lstrip("/")
        if method == "GET" and path == FAULTS_PATH:
            return self._list(200)
        if method == "POST" and path == FAULTS_PATH:
            return await self._add(request, body)
        if method == "DELETE" and path.startswith(FAULTS_PATH) and (not name or name in FAULTS):
            self._simulator.faults.clear(name or None)
            if name in ("", Refuse.name):
                await self._simulator.accept()
            return self._list(200)
        if method == "GET" and path == TRUTH_PATH:
            return Reply(200, compact([chat.to_json() for chat in self._simulator.truth.chats()]), JSON)
        if method == "GET" and path.startswith(f"{TRUTH_PATH}/"):
            chat = self._simulator.truth.chat(path.removeprefix(f"{TRUTH_PATH}/"))
            return Reply(200, compact(chat.to_json()), JSON) if chat else _wrong(404, "no chat with this request id is remembered")
        return _wrong(404, f"no {method} {path} here")

    async def _add(self, request: web.BaseRequest, body: bytes) -> Reply:
        try:
            asked = object_of(body)
        except ValueError:
            return _wrong(400, 'expected an object like {"fault": "stall:3", "count": 2}')
        count, probability = asked.get("count"), asked.get("probability", 1.0)
        if not isinstance(probability, int | float) or (count is not None and whole_number(count) is None):
            return _wrong(400, "count must be an integer and probability a number")
        text = str(asked.get("fault", ""))
        try:
            fault = parse(text, self._simulator.name)
            if isinstance(fault, Refuse):
                await self._simulator.refuse(fault.seconds, spared=request.protocol)
            else:
                self._simulator.faults.add(text, count=whole_number(count), probability=probability)
        except FaultError as wrong:
            return _wrong(400, str(wrong))
        return self._list(201)

    def _list(self, status: int) -> Reply:
        active = [{"fault": str(active.fault), "count": active.count, "probability": active.probability} for active in self._simulator.faults.active]
        if self._simulator.refusing:
            active.append({"fault": Refuse.name, "count": None, "probability": 1.0})
        known = [{"fault": signature(kind), "engines": shown_by(kind), "does": explain(kind)} for kind in FAULTS.values()]
        return Reply(status, compact({"active": active, "known": known}), JSON)


def _wrong(status: int, message: str) -> Reply:
    return Reply(status, compact({"error": message}), JSON)
