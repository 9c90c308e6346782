"""What an engine's class says of the engine: everything that the rest of chatprobe asks about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import orjson

from probes.backends.base import FrameError, WireForm
from probes.backends.fields import proper_name
from probes.backends.knobs import Knobs
from probes.backends.listing import listed_names
from probes.backends.repeats import Repeats
from probes.backends.settings import Settings
from probes.backends.trail import Trail
from probes.numbers.loaded import OnDemand
from probes.numbers.number import Number
from probes.numbers.of_chats import OfChats
from probes.numbers.own_metrics import OwnMetrics

Colour = Literal["blue", "green", "orange", "purple", "red", "yellow"]


class Backend:
    """One engine. Stateless: one instance serves every target.

    An engine's own file has a subclass. What it leaves out is as it stands here. A method that reads an answer raises
    `FrameError` if the engine would not answer so; its text says what is wrong.
    """

    name: ClassVar[str]
    """The value of `backend` in the configuration and in labels."""
    title: ClassVar[str]
    """The name as people write it."""
    forms: ClassVar[Mapping[str, WireForm]]
    """Its wire forms by the value of `api`. `chat` is always there, and first."""
    generic: ClassVar[bool] = False
    """True for any server of an API, rather than one engine. No image or runtime is taken for it, and it is asked last."""
    colour: ClassVar[Colour | None] = None
    """Its colour on dashboards; None if it has none of its own."""

    # what it can do

    exact_length: ClassVar[bool] = False
    """Whether it can be asked for an answer of exactly `max_tokens`."""
    thinking: ClassVar[bool] = False
    """Whether it can be told that the model shall think, or shall not."""
    takes_adapters: ClassVar[bool] = False
    """Whether a LoRA adapter is asked for by a name of its own, which it lists nowhere."""
    names_adapters: ClassVar[str] = ""
    """What is written for an adapter, in which `NAME` stands for its name, where the name alone would be ignored."""
    ignores_names: ClassVar[bool] = False
    """Whether a chat that asks for a model that it does not have is answered by one that it has (`answering`)."""
    repeats: ClassVar[Repeats | None] = None
    """How it ends an answer that repeats itself; None if it lets it go on."""
    on_demand: ClassVar[OnDemand | None] = None
    """How it loads models on demand; None if it serves only models that are in memory."""

    # what it says of itself

    metrics: ClassVar[OwnMetrics | None] = None
    """Its page of metrics; None if it has none, or none that is known."""
    of_chats: ClassVar[OfChats | None] = None
    """What is counted from its answers, for an engine without metrics."""

    own_ttft: ClassVar[str] = ""
    """What its own figure for a chat's time to first token covers, for the metric's help; empty if it gives none."""

    trail: ClassVar[Trail] = Trail(log="by time and client")
    """Where it shows a single chat."""

    knobs: ClassVar[Knobs] = Knobs()
    """What its operator can turn."""

    settings: ClassVar[Settings] = Settings()
    """Where it tells how it was started."""

    # how discovery knows it

    usual_ports: ClassVar[tuple[int, ...]] = ()
    """The ports that its servers listen on unless told otherwise."""
    aliases: ClassVar[tuple[str, ...]] = ()
    """Other names for it: values of labels, and parts of the names of images and runtimes."""
    recognised_at: ClassVar[str]
    """The path that a server is asked to find out whether it is this engine. `recognise` reads the answer."""

    unknown_path: ClassVar[bytes] = b""
    """What it answers where it is asked for a path that it does not have; empty where that says nothing of it."""

    # what is asked besides chats

    health_path: ClassVar[str] = "/health"
    version_path: ClassVar[str | None] = None
    """Where it tells its version; None if it tells it nowhere."""
    models_path: ClassVar[str] = "/v1/models"
    longest_chat_path: ClassVar[str | None] = None
    """Where it tells how long a chat may be; None if it tells it nowhere."""

    def recognise(self, body: bytes) -> None:
        """Raises `FrameError` unless the answer at `recognised_at` is this engine's."""
        self.version(body)

    def own_form(self, answer: object) -> str | None:
        """The `api` of the wire form that a JSON value of an answer can only be of; None for what other engines send too."""
        return None

    def version(self, body: bytes) -> str:
        """The version in the answer of `version_path`."""
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
        """The names of the models in the answer of `models_path`, in the engine's order."""
        return listed_names(body)

    def answering(self, model: str, body: bytes) -> str:
        """The name of the model that answers chats which ask for `model`, by the answer of `models_path`.

        It is `model` where the engine has that, or refuses what it does not have. Only asked of an engine that ignores names.
        """
        return model

    def naming_remedy(self, wanted: str, answering: str) -> str:
        """What to write where `wanted` is configured, and another model answers."""
        plain = f"leave model out, or write model: {answering}"
        if not self.names_adapters:
            return plain
        return f"{plain}; if {wanted} is a LoRA adapter, write {self.names_adapters.replace('MODEL', answering).replace('NAME', wanted)}"

    def longest_chat(self, body: bytes, model: str) -> int | None:
        """How many tokens a prompt and its answer may have together, by the answer of `longest_chat_path`.

        None if it does not say.
        """
        return None

    def longest_answer(self, max_tokens: int) -> int:
        """How many tokens an answer may have at most, where so many are asked for."""
        return max_tokens

    def model_key(self, model: str) -> str:
        """The key by which names of models are compared: two names with one key mean one model."""
        return model

    def listed(self, model: str, models: Sequence[str]) -> str | None:
        """The name under which the engine lists the model; None if it does not list it."""
        alike = (name for name in models if self.model_key(name) == self.model_key(model))
        return model if model in models else next(alike, None)

    # what is made of all that

    def help_of(self, number: Number) -> str:
        """What the number is with this engine, for the metric's help; empty if the engine does not tell it."""
        told = (self.metrics and self.metrics.helps()), (self.on_demand and self.on_demand.helps), (self.of_chats and self.of_chats.helps)
        return next((helps[number] for helps in told if helps and number in helps), "")
