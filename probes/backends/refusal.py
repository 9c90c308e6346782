"""Why an engine, or what stands before it, refused a chat: statuses and error texts to reasons."""

from __future__ import annotations

import html
import re

from probes.backends.base import Refusal
from probes.failure import Reason
from probes.wording import shortened

_TITLE = re.compile(r"<(?:title|h1)\b[^>]{0,200}>\s{0,200}([^<\s][^<]{0,299})", re.IGNORECASE)
_HTML = re.compile(r"\s*<(!doctype html|html|head|body|title)\b", re.IGNORECASE)


def by_status(status: int, own_words: str | None, body: bytes) -> Refusal:
    """The refusal that a status other than 200 means.

    `own_words` is the message of an answer in the engine's own error form, and None for any other body: that tells an engine which is
    overloaded, or does not know the model, from a router which has nobody behind it, or does not know the path.
    """
    words = _spoken(body) if own_words is None else own_words
    return Refusal(_reason(status, own_form=own_words is not None), words if shortened(words) else f"HTTP {status}, empty body")


def in_stream(words: str, *, overloaded: bool = False) -> Refusal:
    """The refusal that an error after the 200 means."""
    return Refusal(Reason.OVERLOADED if overloaded else Reason.ERROR_IN_STREAM, words if shortened(words) else "an error that says nothing")


def _reason(status: int, *, own_form: bool) -> Reason:
    match status:
        case 401 | 403 | 407:
            return Reason.AUTH
        case 404 if own_form:
            return Reason.MODEL_MISSING
        case 429:
            return Reason.OVERLOADED
        case 503 if own_form:
            return Reason.OVERLOADED
        case 502 | 503 | 504:
            return Reason.UNAVAILABLE
        case _ if 300 <= status < 500:
            return Reason.REJECTED
        case _ if 500 <= status < 600:
            return Reason.SERVER_ERROR
        case _:
            return Reason.PROTOCOL


def _spoken(body: bytes) -> str:
    """What a body in nobody's error form says to a person."""
    page = body.decode("utf-8", "replace")
    if not _HTML.match(page):
        return page
    title = _TITLE.search(page)
    return (html.unescape(title[1]).strip() if title else "") or "HTML page"
