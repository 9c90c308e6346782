"""What Ollama says of its models: which are in memory (`/api/ps`), which it has (`/api/tags`), what one is made of (`/api/show`)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from probes.backends.base import FrameError
from probes.backends.complaint import answered
from probes.backends.fields import LONGEST_NAME, JsonObject, as_list, as_object, length, parse_object, text
from probes.backends.listing import listed_name
from probes.numbers.loaded import ListedModel, LoadedModel, ModelDetails

MODELS_LIMIT = 100
"""Far more than fit in memory at once."""
_CHATS = "completion"
_NAMES = ("name", "model")
"""Ollama writes both, and alike; what has its API besides may write one."""
_MADE_OF = frozenset({"FROM", "ADAPTER", "DRAFT"})
_LOADED_WITH = frozenset({"num_batch", "num_gpu", "main_gpu", "use_mmap", "num_thread", "draft_num_predict"})
"""Options with which a runner is started (Ollama `api/types.go::Runner`). The context is left out, as each chat says it itself."""


def full_name(model: str) -> str:
    """A model's name with every part, in lower case: two names that are alike so are one model to Ollama.

    It fills in host, namespace and tag, takes a scheme off, and does not mind letter case (`types/model/name.go::ParseName`, `Name.EqualFold`).
    """
    name, colon, tag = model.strip().rpartition(":")
    if not colon or "/" in tag:
        name, tag = model.strip(), ""
    *where, own = name.rsplit("/", 2)
    host = where[0].rpartition("://")[2] if len(where) > 1 else "registry.ollama.ai"
    namespace = where[-1] if where else "library"
    return f"{host}/{namespace}/{own}:{tag or 'latest'}".lower()


def with_tag(model: str) -> str:
    """A model's name, with the tag that is meant where none is given."""
    # A colon before the last slash is a registry's port.
    return model if ":" in model.rpartition("/")[2] else f"{model}:latest"


def is_cloud_name(model: str) -> bool:
    """Whether a name that is not listed means a model in Ollama's cloud, by its tag (`internal/modelref`)."""
    _, colon, tag = model.strip().lower().rpartition(":")
    return bool(colon) and "/" not in tag and (tag == "cloud" or tag.endswith("-cloud"))


def loaded(body: bytes) -> tuple[LoadedModel, ...]:
    """The models that `/api/ps` says are in memory. One that still loads is not among them. Raises `FrameError`.

    Ollama lists first what stays longest, and the first 100 are taken. An entry without a proper name is left out.
    """
    listed = as_object(answered(body), "the answer").get("models", "")
    if listed is None:
        return ()  # Go's way to write an empty list
    if not isinstance(listed, list):
        raise FrameError("no list of models")
    return tuple(_loaded(name, entry) for name, entry in islice(_named(listed), MODELS_LIMIT))


def listed(body: bytes) -> tuple[ListedModel, ...]:
    """The models that `/api/tags` lists, the newest first. An entry without a proper name is left out. Raises `FrameError`.

    It says since 0.33 what each can do, and of a remote one where it is (`api/types.go::ListModelResponse`).
    """
    entries = as_object(answered(body), "the answer").get("models")
    return tuple(_listed(name, entry) for name, entry in _named(as_list([] if entries is None else entries, "models")))


def ask_details(model: str) -> dict[str, object]:
    """What is posted to `/api/show`."""
    return {"model": model}


def details(body: bytes) -> ModelDetails:
    """What `/api/show` says of a model (`server/routes.go::GetModelInfo`). Raises `FrameError`.

    A runner serves each model of its files that has the same adapters and load options (`server/sched.go::needsReload`).
    Files are told as lines of a modelfile, by names that hold their content's digest.
    """
    answer = parse_object(body)
    files = tuple(_files(text(answer, "modelfile")))
    options = tuple(sorted(_load_options(text(answer, "parameters"))))
    return ModelDetails(made_of=(*files, *options) if files else (), chats=_chats(answer))


def _files(modelfile: str) -> Iterator[str]:
    """The lines that name files, without the folder. They come first: what follows may hold any text."""
    for line in modelfile.splitlines():
        keyword, _, path = line.partition(" ")
        if keyword in _MADE_OF:
            yield f"{keyword} {path.replace(chr(92), '/').rpartition('/')[2]}"
        elif line.strip() and not line.startswith("#"):
            return


def _load_options(parameters: str) -> Iterator[str]:
    for line in parameters.splitlines():
        name, _, value = line.partition(" ")
        if name in _LOADED_WITH:
            yield f"{name} {value.strip()}"


def _chats(fields: JsonObject) -> bool | None:
    """Whether it can chat; None where it is not told, as by older versions."""
    capabilities = fields.get("capabilities")
    return _CHATS in capabilities if isinstance(capabilities, list) else None


def _named(entries: list[object]) -> Iterator[tuple[str, JsonObject]]:
    yield from ((name, entry) for entry in entries if isinstance(entry, dict) and (name := listed_name(entry, _NAMES)))


def _listed(name: str, entry: JsonObject) -> ListedModel:
    return ListedModel(name, _digest(entry), remote=bool(entry.get("remote_model") or entry.get("remote_host")), chats=_chats(entry))


def _loaded(name: str, entry: JsonObject) -> LoadedModel:
    return LoadedModel(
        name=name,
        digest=_digest(entry),
        size_bytes=_amount(entry.get("size")),
        vram_bytes=_amount(entry.get("size_vram")),
        context_tokens=length(entry, "context_length"),
        expires_at=_expiry(entry.get("expires_at")),
    )


def _digest(entry: JsonObject) -> str | None:
    digest = entry.get("digest")
    return digest.removeprefix("sha256:") if isinstance(digest, str) and 0 < len(digest) <= LONGEST_NAME else None


def _amount(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        return None
    return float(value)


def _expiry(stamp: object) -> float | None:
    """Seconds since the epoch; None for Go's zero time, which stands for no time at all."""
    if not isinstance(stamp, str):
        return None
    try:
        instant = datetime.fromisoformat(stamp)
    except ValueError:
        return None
    if instant.tzinfo is None or instant.year == 1:
        return None
    return instant.timestamp()
