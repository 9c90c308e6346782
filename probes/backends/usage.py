"""What a chunk of OpenAI's form counts: where its usage stands, and what it means under the names that servers use."""

from __future__ import annotations

from probes.backends.fields import JsonObject, count


def usage_in(chunk: JsonObject) -> JsonObject:
    """The usage of a chunk; empty where it has none. It may stand in the choice (Moonshot), or in a field of Groq's."""
    usage = chunk.get("usage")
    if usage and isinstance(usage, dict):
        return usage
    choices = chunk.get("choices")
    for holder in (choices[0] if isinstance(choices, list) and choices else None, chunk.get("x_groq")):
        usage = holder.get("usage") if isinstance(holder, dict) else None
        if usage and isinstance(usage, dict):
            return usage
    return {}


def input_tokens(usage: JsonObject) -> int | None:
    return _first(usage, "prompt_tokens", "input_tokens")


def counted_tokens(usage: JsonObject) -> int | None:
    """The tokens of the answer so far, without reasoning that is counted apart."""
    counted = _first(usage, "completion_tokens", "output_tokens")
    if counted is not None:
        return counted
    prompt, both = input_tokens(usage), count(usage, "total_tokens")
    return max(0, both - prompt) if prompt is not None and both is not None else None


def output_tokens(usage: JsonObject) -> int | None:
    """All tokens of the answer. Those of reasoning are among `completion_tokens`, or stand beside them (xAI), which the total tells; without a
    total there are more of them then. With a total more of them are too many (SGLang, of drafts behind the end).
    """
    counted, reasoning = counted_tokens(usage), reasoning_tokens(usage)
    if counted is None or not reasoning:
        return counted
    shown, total = (input_tokens(usage) or 0) + counted, count(usage, "total_tokens")
    apart = total == shown + reasoning or (reasoning > counted and total != shown)
    return counted + reasoning if apart else counted


def reasoning_tokens(usage: JsonObject) -> int | None:
    """OpenAI has them among details, SGLang beside the other counts."""
    return _detail(usage, "completion_tokens_details", "reasoning_tokens")


def cached_tokens(usage: JsonObject) -> int | None:
    """How many prompt tokens the engine found in its prefix cache, where it reports them: `prompt_tokens_details.cached_tokens`, or by the
    names of Moonshot, DeepSeek and Anthropic.
    """
    if not usage:
        return None
    found = _detail(usage, "prompt_tokens_details", "cached_tokens")
    return found if found is not None else _first(usage, "prompt_cache_hit_tokens", "cache_read_input_tokens")


def _detail(usage: JsonObject, details: str, name: str) -> int | None:
    held = usage.get(details) or usage
    return count(held, name) if isinstance(held, dict) else None


def _first(usage: JsonObject, *names: str) -> int | None:
    """The count under the first of these names that has one; servers that write all of them have 0 where they do not count."""
    zero = None
    for name in names:
        if name in usage and (found := count(usage, name)) is not None:
            if found:
                return found
            zero = found
    return zero
