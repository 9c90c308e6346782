"""What an engine is to everything outside of its own file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import orjson

from probes.backends.base import FrameError, WireForm
from probes.backends.fields import names, proper_name
from probes.numbers.loaded import OnDemand
from probes.numbers.number import Number
from probes.numbers.of_chats import OfChats
from probes.numbers.own_metrics import OwnMetrics

Colour = Literal["blue", "green", "orange", "purple", "red", "yellow"]


class Backend:
    """One engine, and all that the rest asks about it. Stateless: one instance serves every target.

    What stands here holds for an engine of which nothing else is known; its own file says what differs. What reads an answer raises `FrameError`
    where it is not what the engine would send.
    """

    name: ClassVar[str]
    """The value of `backend` in configuration and labels."""
    title: ClassVar[str]
    """How people write it."""
    forms: ClassVar[Mapping[str, WireForm]]
    """Its wire forms by the value of `api`; `chat` is there always, and first."""
    generic: ClassVar[bool] = False
    """Whether it is any server of an API rather than one engine. It is recognised last, and never by names."""
    colour: ClassVar[Colour | None] = None
    """On dashboards; None where it has none of its own."""

    # what it can do

    exact_length: ClassVar[bool] = False
    """Whether an answer can be asked for that has exactly `max_tokens`."""
    thinking: ClassVar[bool] = False
    """Whether a model can be told to think, or not to."""
    on_demand: ClassVar[OnDemand | None] = None
    """How it loads models; None where it serves only what it has in memory."""

    # what it says of itself

    metrics: ClassVar[OwnMetrics | None] = None
    """Its page of metrics; None where it has none, or none that is known here."""
    of_chats: ClassVar[OfChats | None] = None
    """What is counted from its answers, where it has no metrics that tell it."""

    # how discovery knows it

    aliases: ClassVar[tuple[str, ...]] = ()
    """Values of labels, and parts of images' and runtimes' names, that mean it, besides its `name`."""
    recognised_at: ClassVar[str]
    """What is asked of a server that nobody has named; `recognise` looks at the answer."""

    # what is asked besides chats

    health_path: ClassVar[str] = "/health"
    version_path: ClassVar[str | None] = None
    """Where it says its version; None where it does nowhere."""
    models_path: ClassVar[str] = "/v1/models"
    longest_chat_path: ClassVar[str | None] = None
    """Where it says how long a chat may be; None where it does nowhere."""

    def recognise(self, body: bytes) -> None:
        """Whether the answer at `recognised_at` is this engine's: raises `FrameError` where it is not."""
        self.version(body)

    def version(self, body: bytes) -> str:
        """From the answer of `version_path`."""
        try:
            answer = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise FrameError("no JSON") from error
        version = answer.get("version") if isinstance(answer, dict) else None
        if not isinstance(version, str):
            raise FrameError("names no version")
        if not proper_name(version):
            raise FrameError("names a version that is too long, or not printable")
        return version

    def models(self, body: bytes) -> tuple[str, ...]:
        """Model names from the answer of `models_path`, in the engine's order."""
        return names(body, "data", "id")

    def longest_chat(self, body: bytes, model: str) -> int | None:
        """How many tokens a prompt and its answer may have together, from the answer of `longest_chat_path`; None where it does not say."""
        return None

    def model_key(self, model: str) -> str:
        """What two names of one model have in common: they mean one model if this is equal."""
        return model

    def listed(self, model: str, models: Sequence[str]) -> str | None:
        """The name under which a list of the engine's holds the model; None if it is missing there."""
        alike = (name for name in models if self.model_key(name) == self.model_key(model))
        return model if model in models else next(alike, None)

    # what is made of all that

    def help_of(self, number: Number) -> str:
        """What a number is with this engine; empty where it does not tell it."""
        told = (self.metrics and self.metrics.helps()), (self.on_demand and self.on_demand.helps), (self.of_chats and self.of_chats.helps)
        return next((helps[number] for helps in told if helps and number in helps), "")
