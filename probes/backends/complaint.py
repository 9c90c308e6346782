"""Errors as engines and gateways write them: what a JSON value complains of, whatever its form.

The forms, by where they were seen: `{"error": {"message": …, "type": …, "code": …}}` (OpenAI and most), `{"error":
"…"}` (Ollama, vLLM's middlewares), `{"error": "…", "error_type": "…"}` (TGI), `{"object": "error", "message": …}` (vLLM
up to 0.10, SGLang, Mistral), `{"type": "error", "error": {…}}` (Anthropic), `{"errors": [{"message": …}]}`
(Cloudflare), `{"throttlingException": {"message": …}}` (AWS), `{"text": …, "error_code": 50001}` (FastChat),
`{"base_resp": {"status_code": 1002, "status_msg": …}}` (MiniMax), `{"response": {"error": …}}` (OpenAI's newer API,
Tencent in capitals), `{"x_groq": {"error": "…"}}` (Groq, beside a part of an answer), `{"title": …, "status": 503}` (RFC 9457),
`{"message": …}` (gateways), each of them in a list (Google), and as JSON inside the text of another. Names of fields are
compared without letter case and underscores.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from probes.backends.base import FrameError
from probes.backends.fields import JsonObject, as_text, parse

_BARE_WORDS = ("message", "msg", "detail", "errormessage", "errormsg", "errmsg")
"""Where the words of an error stand that has no other sign of being one."""
_WORDS = (*_BARE_WORDS, "errordescription", "description", "faultstring", "statusmsg", "reason", "error", "errors", "title")
_NAMES = ("type", "code", "status", "errortype", "errorcode")
_STATUSES = ("code", "status", "statuscode", "httpstatus", "httpstatuscode", "errorcode")
_ERROR_CODES = ("errorcode", "errcode")
_ERRORS = ("error", "errors", "exception", "fault")
_EXCEPTION = "exception"
"""How names end that errors stand under besides, but not in a part of an answer."""
_SAY_ERROR = ("error", "failed")
_NO_ERRORS = (0, 200, "0", "200", "ok", "OK", "success", "Success", "SUCCESS")
"""What a code or a status says that is none."""
_QUOTED_STATUS = re.compile(r"(?:.{0,200}: )?Error code: ([45][0-9]{2}) - ")
"""How the `openai` package writes the status of an error, which gateways that use it hand on as words."""
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
        found = complaint(value[0]) if value and isinstance(value[0], dict) else None
        return found if found is not None and (found.certain or len(value) == 1) else None
    if not isinstance(value, dict):
        return None
    if value.get("choices") or "done" in value or isinstance(value.get("token"), dict):  # a part of an answer
        name = next((name for name in _ERRORS if value.get(name)), None)
        if name is not None:
            return _of_error(name, value)
        groq = value.get("x_groq")
        if isinstance(groq, dict) and groq.get("error"):
            return _of_error("error", groq)
        return _told(value) if _is_failure(value.get("error_code")) else None
    fields = _plain(value)
    for name, held in fields.items():
        if held and (name in _ERRORS or name.endswith(_EXCEPTION)):
            return _of_error(name, fields)
    for held in value.values():
        inner = _plain(held) if isinstance(held, dict) else {}
        within = next((name for name in _ERRORS if inner.get(name)), None)
        if within is not None:
            return _of_error(within, inner)
    base = fields.get("baseresp")
    if isinstance(base, dict) and _is_failure(base.get("status_code")):
        return _told(base)
    if any(str(fields.get(name)).lower() in _SAY_ERROR for name in ("object", "type", "status")) or any(
        _is_failure(fields.get(name)) for name in _ERROR_CODES
    ):
        return _told(value)
    is_chunk = fields.get("usage") or fields.get("object") == "chat.completion.chunk"
    return None if is_chunk or _says_success(fields) else _bare(fields)


def answered(body: bytes) -> object:
    """The JSON that was asked for. Raises `FrameError` where it is none, and, by its own words, for an error that came in its place."""
    answer = parse(body)
    found = complaint(answer)
    if found is not None and found.certain:
        raise FrameError(found.words)
    return answer


def complaint_in(body: bytes) -> Complaint | None:
    """What a body complains of; None for one that is not JSON, or no error. Words that are not in UTF-8 are words all the same."""
    try:
        return complaint(parse(body.decode(errors="replace").encode()))
    except FrameError:
        return None


def _of_error(name: str, value: JsonObject) -> Complaint:
    """The error that stands under this name; what stands beside it may tell more."""
    error = value[name]
    beside = {other: held for other, held in value.items() if other != name}
    if isinstance(error, str):
        within = _written_in(error)
        if within is not None:
            return within
        more = next((found for held in _at(beside, _BARE_WORDS) if (found := _words(held))), "")
        names = (*_names(beside), *([error] if more else []))
        return Complaint(f"{error}: {more}" if more else error, names, _status(beside) or _quoted_status(error))
    first = error[0] if isinstance(error, list) and error else error
    inner = first if isinstance(first, dict) else {}
    words = _words(error) or next((found for held in _at(beside, _BARE_WORDS) if (found := _words(held))), "") or as_text(error)
    metadata = inner.get("metadata")
    cause = _words(metadata.get("raw")) if isinstance(metadata, dict) else ""  # OpenRouter, of what the provider said
    own_name = () if name in _ERRORS else (name,)
    status = _status(inner) or _status(beside) or _quoted_status(words)
    return Complaint(f"{words}: {cause}" if cause else words, (*_names(inner), *_names(beside), *own_name), status)


def _written_in(words: str) -> Complaint | None:
    """The error that a text is, where one engine quotes another's as it came (Ollama its runner's)."""
    return complaint_in(words.encode(errors="replace")) if words.lstrip().startswith(("{", "[")) else None


def _bare(fields: JsonObject) -> Complaint | None:
    """An object with the words of an error, or with its status, and without any other sign of one. Ollama's `message`
    is an object, and no words.
    """
    words = next((found for name in _BARE_WORDS if isinstance(held := fields.get(name), str | list) and (found := _words(held))), "")
    status = _status(fields)
    if not words and status is None:
        return None
    return Complaint(words or _words(fields) or as_text(fields), tuple(_names(fields)), status, certain=False)


def _told(value: JsonObject) -> Complaint:
    return Complaint(_words(value) or as_text(value), tuple(_names(value)), _status(value))


def _says_success(fields: JsonObject) -> bool:
    codes = (fields.get(name) for name in ("code", "status", *_ERROR_CODES))
    return fields.get("success") is True or any(type(code) in (int, str) and code in _NO_ERRORS for code in codes)


def _is_failure(code: object) -> bool:
    return bool(code) and code not in _NO_ERRORS


def _plain(value: JsonObject) -> JsonObject:
    """The fields by their names without letter case and underscores; of several that are alike the first."""
    fields: JsonObject = {}
    for name, held in value.items():
        fields.setdefault(name.replace("_", "").lower(), held)
    return fields


def _at(value: JsonObject, names: tuple[str, ...]) -> Iterator[object]:
    """What stands under these names, in their order."""
    fields = _plain(value)
    yield from (fields[name] for name in names if name in fields)


def _words(value: object, deepest: int = _DEEPEST) -> str:
    """What is for people in the value of an error; "" where nothing is."""
    if isinstance(value, str):
        within = _written_in(value)
        return within.words if within is not None else value.strip()
    if isinstance(value, list) and deepest:
        return "; ".join(found for part in value[:3] if (found := _words(part, deepest - 1)))
    if isinstance(value, dict) and deepest:
        words = next((found for held in _at(value, _WORDS) if (found := _words(held, deepest - 1))), "")
        return f"{_place(value)}{words}" if words else ""
    return ""


def _place(error: JsonObject) -> str:
    """The field that a validation error is about, as pydantic writes it (`"loc": ["body", "seed"]`)."""
    place = error.get("loc")
    return f"{'.'.join(str(part) for part in place if isinstance(part, str | int))}: " if isinstance(place, list) and place else ""


def _names(value: JsonObject) -> Iterator[str]:
    yield from (held for held in _at(value, _NAMES) if isinstance(held, str) and not held.isdigit())


def _quoted_status(words: str) -> int | None:
    found = _QUOTED_STATUS.match(words)
    return int(found[1]) if found else None


def _status(value: JsonObject) -> int | None:
    for held in _at(value, _STATUSES):
        number = int(held) if isinstance(held, str) and held.isascii() and held.isdigit() and len(held) == 3 else held
        if type(number) is int and 400 <= number < 600:
            return number
    return None
