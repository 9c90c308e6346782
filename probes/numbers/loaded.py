"""The models of an engine that loads them on demand: those in memory, and those that it has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from probes.numbers.histogram import is_amount
from probes.numbers.number import Number


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """One model in memory. None stands for what the engine does not say, or says in a way that is no number.

    `size_bytes` is all of its memory, `vram_bytes` the part of it on GPUs. `context_tokens` is the longest chat of one
    user. `expires_at` is when it is unloaded if nobody uses it, in seconds since the epoch. `digest` tells models apart
    whatever they are called.
    """

    name: str
    size_bytes: float | None = None
    vram_bytes: float | None = None
    context_tokens: float | None = None
    expires_at: float | None = None
    digest: str | None = None

    def numbers(self) -> Iterator[tuple[Number, float]]:
        """Everything known of it. An amount that cannot be is left out."""
        for number, value in (
            (Number.MODEL_MEMORY, self.size_bytes),
            (Number.MODEL_VRAM, self.vram_bytes),
            (Number.MODEL_EXPIRY, self.expires_at),
            (Number.CONTEXT_TOKENS, self.context_tokens),
        ):
            if value is not None and is_amount(value):
                yield number, value


@dataclass(frozen=True, slots=True)
class ListedModel:
    """One model that an engine has, in memory or not.

    `remote` is one that another server serves: a chat with it loads nothing here. `chats` is whether it can chat, None
    where the list does not say.
    """

    name: str
    digest: str | None = None
    remote: bool = False
    chats: bool | None = None


@dataclass(frozen=True, slots=True)
class ModelDetails:
    """What an engine tells of one model alone.

    `made_of` are its files and what it is loaded with: models with the same share their place in memory. It is empty
    where that is not told, and then it is like no other. `chats` is as in `ListedModel`.
    """

    made_of: tuple[str, ...]
    chats: bool | None = None


@dataclass(frozen=True, slots=True)
class Details:
    """Where an engine tells more of a model: what `ask` gives for its name is posted to `path`, and `read` reads the answer.

    `read` raises `FrameError` if the answer is none. Nothing is loaded by it.
    """

    path: str
    ask: Callable[[str], Mapping[str, object]]
    read: Callable[[bytes], ModelDetails]


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """How an engine is asked to load a model and no more: what `ask` gives for its name is posted to `path`.

    The answer comes once the model is in memory. What a target's chats have more or less than usual, this has too.
    """

    path: str
    ask: Callable[[str], Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class OnDemand:
    """How an engine loads models on demand.

    - `path` lists the models in memory, and `read` reads that answer. It raises `FrameError` if the answer is no such
      list.
    - `listed` reads the list of all models, the newest first; None where it has nothing but names.
    - `details` is where it tells more of one model; None where it does not.
    - `elsewhere` is whether a model that is not listed is another server's, by its name.
    - `keep_alive_seconds` is how long an idle model stays, unless the engine is told otherwise.
    - `reloaded_by` are fields of a request that may have a model loaded anew, or kept.
    - `loads_above_seconds` is how long a chat waits for a model only where it is loaded (`Native.load_seconds`); None of
      an engine that does not tell that time.
    - `load` is how it is asked to load a model; None where only a chat can do that.
    - `helps` say what each number of a `LoadedModel` is with this engine.
    """

    path: str
    read: Callable[[bytes], tuple[LoadedModel, ...]]
    keep_alive_seconds: float
    helps: Mapping[Number, str]
    listed: Callable[[bytes], tuple[ListedModel, ...]] | None = None
    details: Details | None = None
    elsewhere: Callable[[str], bool] = lambda _: False
    reloaded_by: tuple[str, ...] = ()
    loads_above_seconds: float | None = None
    load: LoadRequest | None = None
