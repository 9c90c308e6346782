"""Who a bearer token is and what it may, by the cluster's own word: as for everything else that OpenShift's monitoring scrapes.

The API server is asked who holds the token (TokenReview), and whether that user may `get` the path, or `post` to it (SubjectAccessReview on a URL
that is no resource). Rights are given by a ClusterRole with `nonResourceURLs`. Answers hold for a short while.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Generic, Protocol, TypeVar

from config.tokens import shown_digest
from discovery.kubernetes.api import ApiError
from discovery.kubernetes.fields import Json, part, text
from exporter.web.security.roles import Role

YES_SECONDS = 60.0
NO_SECONDS = 10.0
_MOST_KNOWN = 1024
_MOST_AT_ONCE = 4
_LONGEST_TOKEN = 8192

Answer = TypeVar("Answer")


class Reviewer(Protocol):
    """An API server that can be asked. It blocks."""

    def review(self, group: str, plural: str, body: Mapping[str, Any]) -> Json:
        """What becomes of a review. Raises `ApiError`."""
        ...


class AskedInVainError(Exception):
    """The API server did not say. The text is why."""


class ClusterAuth:
    """Asks a cluster, a few questions at a time and beside the event loop."""

    def __init__(self, reviewer: Reviewer, clock: Callable[[], float] = time.monotonic) -> None:
        self._reviewer = reviewer
        self._users: _Known[Json] = _Known(clock)
        self._rights: _Known[bool] = _Known(clock)
        self._at_once = asyncio.Semaphore(_MOST_AT_ONCE)

    def knows(self, token: str) -> bool:
        """Whether it is known whose token this is: nobody has to be asked then."""
        return bool(self._users.get(shown_digest(token)))

    async def user(self, token: str) -> Json:
        """Whose token it is, as TokenReview tells it; empty where it is nobody's. Raises `AskedInVainError`."""
        if len(token) > _LONGEST_TOKEN:
            return {}
        key = shown_digest(token)
        known = self._users.get(key)
        if known is None:
            status = await self._ask("authentication.k8s.io", "TokenReview", {"token": token})
            known = part(status, "user") if status.get("authenticated") is True and text(status, "user", "username") else {}
            self._users.put(key, known, YES_SECONDS if known else NO_SECONDS)
        return known

    async def role(self, user: Json, *, reads: bool, path: str) -> Role | None:
        """What a user may do at a path, which `reads` or does more; None where not even that."""
        if reads and not await self._may(user, "get", path):
            return None
        return Role.OPERATE if await self._may(user, "post", path) else Role.READ if reads else None

    async def _may(self, user: Json, verb: str, path: str) -> bool:
        key = shown_digest("\0".join((repr(user), verb, path)))
        known = self._rights.get(key)
        if known is None:
            asked = {
                "user": text(user, "username"),
                "uid": text(user, "uid"),
                "groups": user.get("groups") or [],
                "extra": user.get("extra") or {},
                "nonResourceAttributes": {"path": path, "verb": verb},
            }
            status = await self._ask("authorization.k8s.io", "SubjectAccessReview", asked)
            known = status.get("allowed") is True
            self._rights.put(key, known, YES_SECONDS if known else NO_SECONDS)
        return known

    async def _ask(self, group: str, kind: str, spec: Mapping[str, Any]) -> Json:
        body = {"apiVersion": f"{group}/v1", "kind": kind, "spec": spec}
        async with self._at_once:
            try:
                return part(await asyncio.to_thread(self._reviewer.review, group, f"{kind.lower()}s", body), "status")
            except ApiError as error:
                raise AskedInVainError(str(error)) from None


class _Known(Generic[Answer]):
    """Answers until they are too old."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._answers: OrderedDict[bytes, tuple[Answer, float]] = OrderedDict()

    def get(self, key: bytes) -> Answer | None:
        answer, until = self._answers.get(key, (None, 0.0))
        return answer if self._clock() < until else None

    def put(self, key: bytes, answer: Answer, seconds: float) -> None:
        self._answers[key] = answer, self._clock() + seconds
        self._answers.move_to_end(key)
        if len(self._answers) > _MOST_KNOWN:
            self._answers.popitem(last=False)
