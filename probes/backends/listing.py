"""The names of models, in whatever form a server lists them."""

from __future__ import annotations

from collections.abc import Iterator

from probes.backends.base import FrameError
from probes.backends.complaint import answered, complaint
from probes.backends.fields import JsonObject, as_list, length, proper_name

_LISTS = ("data", "models", "result")
_NAMES = ("id", "name", "model")


def listed_names(body: bytes) -> tuple[str, ...]:
    """The models of a list as OpenAI's API has it, `{"data": [{"id": …}]}`, or as others write it: under `models`, as a bare array, with a `name`,
    as an object whose keys are the names (Xinference), or as null where there are none (Go).

    The names become labels of metrics: an entry without a `proper_name` is left out, and so is a pattern of names (`openai/*`, LiteLLM). Raises
    `FrameError`, with an error's own words.
    """
    return tuple(name for name in map(listed_name, _entries(answered(body))) if name and "*" not in name)


def listed_models(body: bytes) -> list[JsonObject]:
    """The entries of such a list that say more of a model than its name. Raises `FrameError`."""
    return [entry for entry in _entries(answered(body)) if isinstance(entry, dict)]


def listed_name(entry: object, names: tuple[str, ...] = _NAMES) -> str:
    """The name of one entry, under the first of these that holds one; "" where none does."""
    candidates = [entry.get(name) for name in names] if isinstance(entry, dict) else [entry]
    return next((one for one in candidates if isinstance(one, str) and one and proper_name(one)), "")


def listed_length(entries: list[JsonObject], model: str) -> int | None:
    """`max_model_len` of the model's entry, or of its `parent`: that of a LoRA adapter is null (vLLM `entrypoints/openai/models/serving.py`)."""
    by_name = {listed_name(entry): entry for entry in reversed(entries)}
    found = by_name.get(model, {})
    return length(found, "max_model_len") or length(by_name.get(str(found.get("parent")), {}), "max_model_len")


def _entries(listed: object) -> Iterator[object]:
    if not isinstance(listed, dict):
        yield from as_list(listed, "data")
        return
    within = [listed[name] for name in _LISTS if name in listed]
    if within:
        yield from _entries(next(filter(None, within), []))
    elif all(isinstance(entry, dict) for entry in listed.values()):
        yield from ({"id": name} for name in listed)
    else:
        found = complaint(listed)
        raise FrameError("lists no models" if found is None else found.words)
