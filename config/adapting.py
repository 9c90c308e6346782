"""What a target's server wants otherwise in a chat request, as an operator writes it, and whether it can be so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from config.rules import Finding, suggestion
from probes.adaptation import MAX_TOKENS, NEWER_MAX_TOKENS, fields
from probes.ask import Ask, Message
from probes.backends.backend import Backend

_EVERYTHING = Ask(model="m", messages=(Message("user", "x"),), max_tokens=1, prompt_id="x", nonce="n", exact_length=True, context_tokens=1)
"""A chat whose request has every field that chatprobe sends."""
_WITHOUT_CONTEXT = replace(_EVERYTHING, context_tokens=None)
_ESSENTIAL = frozenset({"messages", "inputs", "stream"})
_BOUNDS = frozenset({MAX_TOKENS, "options.num_predict", "parameters.max_new_tokens"})
_AROUND_BOUNDS = frozenset(bound.partition(".")[0] for bound in _BOUNDS)
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*", re.ASCII)
_PATH = re.compile(r"(/[!-~]+)+", re.ASCII)


def check_chat_path(path: str) -> str:
    """Without a slash at its end. Raises `ValueError`."""
    if not _PATH.fullmatch(path) or "?" in path or "#" in path:
        raise ValueError("is no path of a URL; write what stands behind url, like /chat/completions")
    return path.rstrip("/")


def check_omit(omit: Sequence[str], backend: Backend, api: str, *, load_model: bool) -> Iterator[Finding]:
    """`api` is one of the backend's. What keeps a model from being loaded anew is not left out without leave."""
    sent = fields(backend.forms[api].body(_EVERYTHING))
    keeping = sent - fields(backend.forms[api].body(_WITHOUT_CONTEXT))
    for index, name in enumerate(omit):
        if name in _BOUNDS | _AROUND_BOUNDS and name in sent:
            yield ("omit", index), "bounds the answer; write max_tokens_field: NAME if the bound goes by another name there"
        elif name in _ESSENTIAL and name in sent:
            yield ("omit", index), "is a field without which there is no streaming chat; leave it out of omit"
        elif name in keeping and not load_model:
            yield (
                ("omit", index),
                f"keeps {backend.title} from loading the model anew for others; allow that by load_model: true, or leave it out of omit",
            )
        elif name not in sent:
            yield ("omit", index), f"is no field that chats with {backend.title} have; {suggestion(name, sent)}"


def check_extra_body(extra: Mapping[str, object], backend: Backend, *, load_model: bool) -> Iterator[Finding]:
    """What chatprobe says itself is not for others to say; and no model is loaded anew for everybody without leave."""
    for name in sorted(fields(extra) & (_ESSENTIAL | _BOUNDS | {"model"})):
        yield ("extra_body", *name.split(".")), "is for chatprobe to say; leave it out"
    if backend.on_demand is not None and not load_model:
        for name in sorted(extra.keys() & set(backend.on_demand.reloaded_by)):
            yield (
                ("extra_body", name),
                f"may have {backend.title} load the model anew for others; allow it by load_model: true, or leave it out",
            )


def check_max_tokens_field(name: str, backend: Backend, api: str) -> Iterator[Finding]:
    """`api` is one of the backend's."""
    sent = fields(backend.forms[api].body(_EVERYTHING))
    if not _FIELD.fullmatch(name):
        yield ("max_tokens_field",), f"is no name of a field; write one, like {NEWER_MAX_TOKENS}"
    elif MAX_TOKENS not in sent:
        yield ("max_tokens_field",), f"is another name of {MAX_TOKENS}, which this API of {backend.title} has not; leave it out"
    elif name in sent:
        yield ("max_tokens_field",), f"is the name of another field; write {NEWER_MAX_TOKENS}, or leave it out"
