"""What spends tokens: a chat that somebody asks for."""

from __future__ import annotations

from http import HTTPStatus

from exporter.web.api.models import ProbeAnswer, ProbeAsked
from exporter.web.api.operations import Asked
from exporter.web.api.problems import ProblemError
from exporter.web.probing import NoSuchNameError, Probing, StandingByError, UnclearError
from exporter.web.room import TooOftenError
from traffic.events import Skip


class Actions:
    """Has chats held on request."""

    def __init__(self, probing: Probing) -> None:
        self._probing = probing

    async def probe(self, asked: Asked) -> ProbeAnswer:
        """Hold one chat, and wait for its end."""
        body: ProbeAsked = asked.body
        try:
            probed = await self._probing.probe(body.target, body.scenario, body.timeout_seconds)
        except NoSuchNameError as error:
            raise ProblemError(HTTPStatus.NOT_FOUND, f"{error}.") from None
        except UnclearError as error:
            raise ProblemError(HTTPStatus.CONFLICT, f"{error}.") from None
        except TooOftenError as error:
            raise ProblemError(HTTPStatus.TOO_MANY_REQUESTS, f"{error}.", headers={"Retry-After": "1"}) from None
        except StandingByError as error:
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, f"{error}.", headers={"Retry-After": "5"}) from None
        event = probed.event
        skipped = event.reason.value if isinstance(event, Skip) else None
        record = None if isinstance(event, Skip) else event.to_json()
        return ProbeAnswer(outcome=probed.outcome, skipped=skipped, seconds=probed.seconds, record=record)
