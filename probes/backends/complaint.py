"""Errors as engines and gateways write them: what a JSON value complains of, whatever its form.

The forms, by where they were seen: `{"error": {"message": …, "type": …, "code": …}}` (OpenAI and most), `{"error":
"…"}` (Ollama, vLLM's middlewares), `{"error": "…", "error_type": "…"}` (TGI), `{"object": "error", "message": …}` (vLLM
up to 0.10, SGLang, Mistral), `{"type": "error", "error": {…}}` (Anthropic), `{"message": …}` (gateways), each of them
alone in a list (Google), and as JSON inside the text of another.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from probes.backends.base import FrameError
from probes.backends.fields import JsonObject, as_text, parse

_WORDS = ("message", "msg", "detail", "error_message", "error_msg", "errorMessage", "error_description", "description", "reason", "error", "title")
_BARE_WORDS = ("message", "msg", "detail", "error_message", "error_msg", "errorMessage")
"""Where the words of an error stand that has no other sign of being one."""
_NAMES = ("type", "code", "status", "error_type", "error_code", "errorCode")
_STATUSES = ("code", "status", "status_code", "statusCode", "http_status", "http_status_code", "error_code")
_NO_ERRORS = (0, 200, "0", "200", "ok", "OK", "success", "Success")
"""What a code or a status says that is none."""
_DEEPEST = 5
"""How far words are looked for inside each other."""


class Complaint(NamedTuple):
    """What an error says: its words for people, the names that it gives itself (its type, its code), and the HTTP
    status that it names.

    It is not `certain` where only words or a status are there, as an error would have them.
    """

    words: str
    names: tuple[str, ...] = ()
    status: int | None = None
    certain: bool = True


def complaint(value: object) -> Complaint | None:
    """What a JSON value complains of; None for one that is no error. An `error` that is null, false or empty is none,
    as for the `openai` package.
    """
    if isinstance(value, list):
        return complaint(value[0]) if len(value) == 1 and isinstance(value[0], dict) else None
    if not isinstance(value, dict):
        return None
    error = value.get("error")
    if error:
        return _of_error(error, value)
    if value.get("object") == "error" or value.get("type") == "error":
        return _told(value)
    is_chunk = value.get("choices") or value.get("usage") or value.get("object") == "chat.completion.chunk"
    return None if is_chunk or _says_success(value) else _bare(value)


def complaint_in(body: bytes) -> Complaint | None:
    """What a body complains of; None for one that is not JSON, or no error."""
    try:
        return complaint(parse(body))
    except FrameError:
        return None


def _of_error(error: object, beside: JsonObject) -> Complaint:
    """The error that stands under `error`; what stands beside it may tell more."""
    if not isinstance(error, str):
        inner = error if isinstance(error, dict) else {}
        words = _words(error) or _words({name: beside[name] for name in _BARE_WORDS if name in beside}) or as_text(error)
        return Complaint(words, (*_names(inner), *_names(beside)), _status(inner) or _status(beside))
    within = _written_in(error)
    if within is not None:
        return within
    more = next((found for name in _BARE_WORDS if (found := _words(beside.get(name)))), "")
    return Complaint(f"{error}: {more}" if error and more else error or more, (*_names(beside), *([error] if more else [])), _status(beside))


def _written_in(words: str) -> Complaint | None:
    """The error that a text is, where one engine quotes another's as it came (Ollama its runner's)."""
    return complaint_in(words.encode(errors="replace")) if words.lstrip().startswith(("{", "[")) else None


def _bare(value: JsonObject) -> Complaint | None:
    """An object with the words of an error, or with its status, and without any other sign of one. Ollama's `message`
    is an object, and no words.
    """
    words = next((found for name in _BARE_WORDS if isinstance(value.get(name), str | list) and (found := _words(value[name]))), "")
    status = _status(value)
    if not words and status is None:
        return None
    return Complaint(words or as_text(value), tuple(_names(value)), status, certain=False)


def _told(value: JsonObject) -> Complaint:
    return Complaint(_words(value) or as_text(value), tuple(_names(value)), _status(value))


def _says_success(value: JsonObject) -> bool:
    return value.get("success") is True or any(type(value.get(name)) in (int, str) and value[name] in _NO_ERRORS for name in ("code", "status"))


def _words(value: object, deepest: int = _DEEPEST) -> str:
    """What is for people in the value of an error; "" where nothing is."""
    if isinstance(value, str):
        within = _written_in(value)
        return within.words if within is not None else value.strip()
    if isinstance(value, list) and deepest:
        return "; ".join(found for part in value[:3] if (found := _words(part, deepest - 1)))
    if isinstance(value, dict) and deepest:
        words = next((found for name in _WORDS if (found := _words(value.get(name), deepest - 1))), "")
        return f"{_place(value)}{words}" if words else ""
    return ""


def _place(error: JsonObject) -> str:
    """The field that a validation error is about, as pydantic writes it (`"loc": ["body", "seed"]`)."""
    place = error.get("loc")
    return f"{'.'.join(str(part) for part in place if isinstance(part, str | int))}: " if isinstance(place, list) and place else ""


def _names(value: JsonObject) -> Iterator[str]:
    yield from (found for name in _NAMES if isinstance(found := value.get(name), str) and not found.isdigit())


def _status(value: JsonObject) -> int | None:
    for name in _STATUSES:
        found = value.get(name)
        number = int(found) if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) == 3 else found
        if type(number) is int and 400 <= number < 600:
            return number
    return None
