"""Whether an engine had the whole prompt: some cut one that is too long, and answer what is left of it."""

from __future__ import annotations

from probes.ask import Ask, Wrong

CHECK = "whole_prompt"
"""The name of this check, which every chat has to pass."""
REMEDY = "the prompt is longer than the engine's context, which cut it without a word: send a shorter one, or give the engine a longer context"
LEAST_CONTEXT = 128
"""No engine cuts a prompt to less. A smaller count is one of a server that does not count, or leaves out what it had cached."""


def cut(ask: Ask, counted: int | None, cached: int | None) -> Wrong | None:
    """What shows that the prompt was cut; None where nothing does. `counted` are its tokens as the engine tells them,
    `cached` those of them that it had in its cache, which some servers leave out.
    """
    if ask.context_tokens is not None and ask.fewest_tokens > ask.context_tokens:
        return Wrong(CHECK, f"the prompt has at least {ask.fewest_tokens} tokens, and the engine's context {ask.context_tokens}: it was cut")
    if counted is None or counted < LEAST_CONTEXT or counted + (cached or 0) >= ask.fewest_tokens:
        return None
    return Wrong(CHECK, f"the prompt has at least {ask.fewest_tokens} tokens, and the engine counts {counted}: it was cut")
