"""What a server wants otherwise in a chat request than its engine's usual one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

JsonObject = Mapping[str, object]

MAX_TOKENS = "max_tokens"
NEWER_MAX_TOKENS = "max_completion_tokens"
"""OpenAI's name for `max_tokens` since its reasoning models, which refuse the older one (OpenAI API reference, *Create chat completion*)."""
_OPENAI_CHAT = "/chat/completions"


@dataclass(frozen=True, slots=True)
class Adaptation:
    """Fields are named by their place in the body, with dots: `seed`, `stream_options.continuous_usage_stats`.

    `omit` are left out and `extra_body` is laid over the rest, maps key by key. `max_tokens_field` is the name of the field that bounds the answer.
    `chat_path` stands in place of the engine's own path. `query` follows every path; its values are secrets and never shown (left out of `repr`).
    """

    omit: frozenset[str] = frozenset()
    extra_body: JsonObject = field(default_factory=dict)
    max_tokens_field: str | None = None
    chat_path: str | None = None
    query: Mapping[str, str] = field(default_factory=dict, repr=False)

    def without(self, fields: Iterable[str]) -> Adaptation:
        """Leaves these fields out too; the bound of the answer is not left out, but goes by its newer name."""
        named = frozenset(fields)
        newer = NEWER_MAX_TOKENS if MAX_TOKENS in named else self.max_tokens_field
        return replace(self, omit=self.omit | (named - {MAX_TOKENS}), max_tokens_field=newer)

    def adapted(self, usual: JsonObject) -> dict[str, object]:
        """The JSON object to send in place of an engine's usual one."""
        body = _less(usual, self.omit)
        if self.max_tokens_field is not None and MAX_TOKENS in body:
            body[self.max_tokens_field] = body.pop(MAX_TOKENS)
        return _laid_over(body, self.extra_body)

    def path(self, usual: str) -> str:
        """Where chats are posted, below the target's URL."""
        return self.chat_path or usual

    def control_path(self, usual: str) -> str:
        """Where something else is asked: what stands beside OpenAI's chats below `/v1` stands beside them elsewhere too."""
        if self.chat_path is not None and self.chat_path.endswith(_OPENAI_CHAT) and usual.startswith("/v1/"):
            return self.chat_path.removesuffix(_OPENAI_CHAT) + usual.removeprefix("/v1")
        return usual


def fields(body: JsonObject, above: str = "") -> frozenset[str]:
    """Every field of a body by its place, those of maps in it included."""
    found = {f"{above}{name}" for name in body}
    for name, value in body.items():
        if isinstance(value, Mapping):
            found |= fields(value, f"{above}{name}.")
    return frozenset(found)


def _less(body: JsonObject, omit: frozenset[str], above: str = "") -> dict[str, object]:
    return {
        name: _less(value, omit, f"{above}{name}.") if isinstance(value, Mapping) else value
        for name, value in body.items()
        if f"{above}{name}" not in omit
    }


def _laid_over(body: JsonObject, extra: JsonObject) -> dict[str, object]:
    laid = dict(body)
    for name, value in extra.items():
        below = laid.get(name)
        laid[name] = _laid_over(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return laid
