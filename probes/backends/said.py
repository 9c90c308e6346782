"""What a message says, in whatever shape it says it: plain text, a list of typed parts, an object."""

from __future__ import annotations

from probes.backends.base import FrameError
from probes.backends.fields import JsonObject, as_text

_TEXT_FIELDS = ("text", "content", "thinking", "reasoning", "reasoning_content", "summary", "refusal", "transcript")
_REASONING_FIELDS = (
    *("reasoning", "reasoning_content", "reasoning_text", "thinking", "thinking_content", "thought", "thoughts"),
    *("reasoning_details", "thinking_blocks"),
)
_DEEPEST = 8
"""How far texts are looked for inside each other; Mistral's thinking parts have them at the third place."""


def said_in(message: JsonObject) -> tuple[str, str, str]:
    """(answer text, reasoning before it, calls of tools in it) of a message, or of the delta of one.

    A refusal is what the answer says, and so is what is spoken in it, as far as it is written too. Raises `FrameError`
    where the content is in no known shape.
    """
    content = message.get("content")
    if len(message) == 1 and isinstance(content, str):
        return content, "", ""  # nearly every chunk is so
    answer, reasoning = _content(content)
    besides = _text(message.get("refusal")) + _text(message.get("audio"))
    tools = _tools(message) if "tool_calls" in message or "function_call" in message else ""
    return answer + besides, reasoning or _reasoning(message), tools


def _reasoning(message: JsonObject) -> str:
    """The same reasoning may stand under several names: what the first says that says anything."""
    for name in _REASONING_FIELDS:
        value = message.get(name)
        if value and (found := _text(value)):
            return found
    return ""


def _content(content: object) -> tuple[str, str]:
    """(answer text, reasoning) of a content."""
    if content is None or isinstance(content, str):
        return content or "", ""
    if not isinstance(content, dict | list):
        raise FrameError("content is not text")
    answer: list[str] = []
    thought: list[str] = []
    for part in content if isinstance(content, list) else [content]:
        (thought if _is_reasoning(part) else answer).append(_text(part))
    return "".join(answer), "".join(thought)


def _is_reasoning(part: object) -> bool:
    """Whether a part of a content is thinking (Mistral `{"type": "thinking", "thinking": [...]}`), and not what the
    answer says.
    """
    kind = str(part.get("type")) if isinstance(part, dict) else ""
    return "thinking" in kind or "reasoning" in kind


def _text(value: object, deepest: int = _DEEPEST) -> str:
    """All text in a value; "" where there is none."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and deepest:
        return "".join(_text(part, deepest - 1) for part in value)
    if isinstance(value, dict) and deepest:
        return next((found for name in _TEXT_FIELDS if (found := _text(value.get(name), deepest - 1))), "")
    return ""


def _tools(message: JsonObject) -> str:
    """Names and arguments of the tools that a message calls, or the pieces of them that a delta brings."""
    calls = message.get("tool_calls")
    calls = calls if isinstance(calls, list) else [calls]
    functions = [call.get("function") or call.get("custom") for call in calls if isinstance(call, dict)]
    functions.append(message.get("function_call"))
    return "".join(_tool(function) for function in functions if isinstance(function, dict))


def _tool(function: JsonObject) -> str:
    arguments = function.get("arguments") or function.get("input") or ""
    return _text(function.get("name")) + (arguments if isinstance(arguments, str) else as_text(arguments))
