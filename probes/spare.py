"""Fields that a chat can do without, and how a server that does not take one says so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from types import MappingProxyType

import orjson

from probes.adaptation import MAX_TOKENS, NEWER_MAX_TOKENS
from probes.ask import Ask

SPARE: Mapping[str, str] = MappingProxyType(
    {
        "stream_options.continuous_usage_stats": "a chat's tokens are counted by its chunks, and its total by its end",
        "stream_options.include_usage": "tokens are counted by chunks, and those of prompts are not known",
        "stream_options": "tokens are counted by chunks, and those of prompts are not known",
        "chat_template_kwargs": "a model that can think does so, or not, as the server has it",
        "cache_salt": "only the number in front of a cold chat's prompt keeps the prefix cache out",
        "think": "a model that can think does so, or not, as the server has it",
        "truncate": "a prompt that does not fit is cut, which shows by its count of tokens only",
        "seed": "answers to one prompt may differ more",
        "options.seed": "answers to one prompt may differ more",
        "parameters.seed": "answers to one prompt may differ more",
        "temperature": "answers are sampled as the server has it, and their lengths differ more",
        "options.temperature": "answers are sampled as the server has it, and their lengths differ more",
        MAX_TOKENS: f"it is sent as {NEWER_MAX_TOKENS}, which bounds reasoning too",
    }
)
"""What it costs to leave a field out. Others are never left out unasked: without them a chat would not be the same chat."""

REFUSALS = (400, 422)
"""The statuses by which a request is refused for what is in it."""
_OTHER_REFUSALS = (500, 501)
_SAYS_UNKNOWN = re.compile(r"unexpected keyword argument|unknown field|unrecognized|not implemented", re.IGNORECASE)
"""Words by which a request is refused so with another status too (Xinference 500, of Python's own error)."""
_ESCAPES = re.compile(r"\\+(?:u[0-9A-Fa-f]{4}|.)")
"""What JSON writes for a line end or a quote: its letter is none of the word that follows."""
_ECHO = re.compile(r"\{[^{}]*\bmessages['\"\s]*:.*?(?=['\"\s](?:ctx|loc)['\"\s]*:|\Z)", re.DOTALL)
"""The request, as pydantic repeats it (`input`), up to the error's next field: it names every field."""
_ALTERNATIVES = re.compile(r"expected (one of )?`.*", re.DOTALL)
"""What would have been taken, behind what was not (Rust's serde)."""
_SAY_THINK = frozenset({"chat_template_kwargs", "think"})
_ALSO_CALLED = {
    # vLLM `tokenizers/mistral.py::validate_request_params`: "chat_template is not supported for Mistral tokenizers."
    "chat_template_kwargs": ("chat_template", "enable_thinking"),
}
_DEEPEST = 32


def named(status: int | None, body: bytes, sent: Iterable[str]) -> frozenset[str]:
    """The fields, of those that were sent and can be spared, that a refusal names: by pydantic's `loc`, by OpenAI's `param`, or else in its words.

    The bound of the answer is among them only where the newer name for it is asked for. Of a field and what it is in, only the inner one is meant.
    """
    words = _ECHO.sub("", _ALTERNATIVES.sub("", _ESCAPES.sub(" ", body.decode("utf-8", "replace"))))
    if status not in REFUSALS and not (status in _OTHER_REFUSALS and _SAYS_UNKNOWN.search(words)):
        return frozenset()
    sent = frozenset(sent)
    spare = sent & SPARE.keys()
    places = {place for place in _places(body) if any(_is_at({place}, name) for name in sent)}
    found = _innermost(name for name in spare if (_is_at(places, name) if places else _is_in(words, name)))
    return found if NEWER_MAX_TOKENS in words else found - {MAX_TOKENS}


def wanted(ask: Ask) -> frozenset[str]:
    """The fields that this chat cannot do without: one that is to think is another without the field that says so."""
    return _SAY_THINK if ask.thinking else frozenset()


def told(fields: Iterable[str]) -> str:
    """For people: each field with what its absence costs."""
    return "; ".join(f"{name} ({SPARE[name]})" for name in sorted(fields))


def _innermost(names: Iterable[str]) -> frozenset[str]:
    found = frozenset(names)
    return frozenset(name for name in found if not any(other.startswith(f"{name}.") for other in found))


def _is_at(places: Set[str], name: str) -> bool:
    """Behind other parts too: pydantic puts the alternative that was tried before them."""
    return any(place in _called(name) or f".{place}".endswith(f".{name}") for place in places)


def _is_in(words: str, name: str) -> bool:
    return any(re.search(rf"(?<![A-Za-z0-9_]){re.escape(one)}(?![A-Za-z0-9_])", words) for one in _called(name))


def _called(name: str) -> tuple[str, ...]:
    return (name.rpartition(".")[2], *_ALSO_CALLED.get(name, ()))


def _places(body: bytes) -> Iterator[str]:
    """What stands at `loc` or `param` anywhere in a refusal, with dots, without pydantic's `body` in front."""
    try:
        yield from _places_in(orjson.loads(body), _DEEPEST)
    except orjson.JSONDecodeError:
        return


def _places_in(value: object, depth: int) -> Iterator[str]:
    if depth == 0:
        return
    match value:
        case {"loc": [*place]}:
            yield ".".join(str(part) for part in place if part != "body")
        case {"param": str(place)} if place:
            yield place
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in inner:
        yield from _places_in(one, depth - 1)
