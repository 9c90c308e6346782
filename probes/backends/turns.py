"""The messages of a conversation as engines take them, with the nonce of a cold chat."""

from __future__ import annotations

from probes.ask import Ask


def turns(ask: Ask) -> list[dict[str, str]]:
    """The messages as they stand: for an engine that takes the nonce in a field of its own, and for warm chats."""
    return [{"role": message.role, "content": message.content} for message in ask.messages]


def headed_turns(ask: Ask) -> list[dict[str, str]]:
    """The messages with the nonce, where there is one, at the very front of the first.

    Prefix caches match from the first token on, so only a new head keeps them out. The words behind it let a model read over it.
    """
    messages = turns(ask)
    if ask.nonce is not None:
        messages[0]["content"] = f"{ask.nonce} (reference number of this conversation, not part of it)\n\n{messages[0]['content']}"
    return messages
