"""Why an engine, or what stands before it, refused a chat or broke it off: statuses, types, codes and words to reasons."""

from __future__ import annotations

import html
import re
from urllib.parse import urlsplit, urlunsplit

from probes.backends.base import Refusal
from probes.backends.complaint import Complaint, complaint_in
from probes.failure import Reason
from probes.wording import shortened

_TITLE = re.compile(r"<(?:title|h1)\b[^>]{0,200}>\s{0,200}([^<\s][^<]{0,299})", re.IGNORECASE)
_HTML = re.compile(r"(\s|<\?xml[^>]{0,200}>|<!--.{0,2000}?-->)*+<(!doctype html|html|head|body|title)\b", re.IGNORECASE | re.DOTALL)

LOOKED_AT = 2000
"""Characters that are looked at of an error's words, and at the top of a page: a server can send any number."""
_NAME_LOOKED_AT = 100

_NAMED: tuple[tuple[Reason, re.Pattern[str]], ...] = (
    (
        Reason.OVERLOADED,
        re.compile(
            r"overload|ratelimit|slowdown|toomanyrequest|quota|budget|throttl|capacity|resourceexhausted|insufficient(system)?(resource|balance|credit|fund)"
            r"|queue(is)?full|busy|serviceunavailable|^unavailable"
        ),
    ),
    (Reason.AUTH, re.compile(r"authenticat|authoriz|authfail|unauth|apikey|permission|forbidden|accessdenied|(invalid|expired)token")),
    (Reason.MODEL_MISSING, re.compile(r"notfound|model.*(unavailable|notavailable|notexist|notsupported|unknown)|(invalid|unknown|nosuch)model")),
    (
        Reason.REJECTED,
        re.compile(
            r"invalid|badrequest|validation|unprocessable|unsupported|context(length|window|size)|toolarge|toolong|template|^toolerror"
            # a policy of the service, of which an error without a stream is 400 (Azure, DashScope, Google)
            r"|contentfilter|policyviolation|datainspection|prohibitedcontent"
        ),
    ),
)
"""What the types and codes of errors mean, without letter case and punctuation; the first that fits."""

_SPOKEN: tuple[tuple[Reason, re.Pattern[str]], ...] = (
    (
        Reason.OVERLOADED,
        re.compile(
            r"\boverload|\bback.?pressure|\brate.?limit|\btoo many (concurrent |pending )?requests|(?<![a-z])quota\b|\bthrottl"
            r"|\bbudget .{0,40}(exceeded|reached)|\b(at|over|no|insufficient|exceeds?|exceeded) capacity\b|\bqueue (is )?full"
            r"|\bpending requests exceeded|\b(server|engine|model|service|system|worker)s? (is |are )?(currently |too |really )?(busy|scaling)\b"
            r"|\bresource.?exhausted|\binsufficient.(system.)?(resource|balance|credit|fund)|\black of (system )?resources",
            re.IGNORECASE,
        ),
    ),
    (
        Reason.AUTH,
        re.compile(
            r"\b(invalid|incorrect|missing|expired|wrong|no valid|no) (api|access|authentication|bearer)[ _-]?(key|token)"
            r"|\bapi[ _-]?key (is )?(not valid|invalid|missing|required|expired)|\bunauthori[sz]ed|\bnot authenticated"
            r"|\bauthentication (failed|required)",
            re.IGNORECASE,
        ),
    ),
    (
        Reason.MODEL_MISSING,
        re.compile(
            r"\bmodel\b.{0,200}\b(not found|does not exist|doesn't exist|not exist|no longer (exists|available)|is unknown|not configured)"
            r"|\b(invalid|unknown|no such|unsupported) model\b|\bmodel_not_found|\bno models? (are |is )?(currently )?loaded\b"
            # SGLang of a LoRA adapter (`managers/tokenizer_manager.py`, `entrypoints/openai/serving_base.py`)
            r"|\bLoRA adapters?\b.{0,200}\bnot (loaded|enabled)\b",
            re.IGNORECASE | re.DOTALL,
        ),
    ),
    # TGI calls each of its own failures 422 inside a stream
    (
        Reason.SERVER_ERROR,
        re.compile(r"\bfailed during generation\b|\bincomplete generation\b|\binternal server error\b|\bCUDA (error|out of memory)\b", re.IGNORECASE),
    ),
    (
        Reason.REJECTED,
        re.compile(
            r"^(template|tool) error\b|\bvalidation error|\bbad request|\binvalid (request|parameter|argument|input|value)|\bmust be\b|\btoo long\b"
            r"|\b(maximum )?context (length|window|size)|\b(not|isn't) (permitted|supported)|\bunsupported\b|\bis required\b"
            r"|\bcontent (management )?policy\b|DataInspectionFailed|\binappropriate content\b",
            re.IGNORECASE,
        ),
    ),
)
"""What the words of errors mean; the first that fits."""

_OF_A_PATH = re.compile(r"\b(url|uri|path|route|endpoint|file|page|method)\b|^(not found|resource not found)\.?$", re.IGNORECASE)
_NOT_READY = re.compile(
    r"\b(no ((healthy|available|live|ready) )?(upstream|backend|server|endpoint|instance|worker|pod|replica)s?|upstream|bad gateway|gateway time-?out"
    r"|name resolution|ring-balancer|connection refused|loading model|(is|be|still|currently) (loading|starting|warming|sleeping|paused)"
    # KServe `Model with name … is not ready.`, Dynamo `Model … is not ready to serve requests yet`
    r"|not (yet )?(ready|loaded|running)|initiali[sz]ing|being (loaded|downloaded))\b"
    # the status again, and nothing else
    r"|^(service|model) (temporarily )?unavailable\W*$",
    re.IGNORECASE,
)


def by_status(status: int, body: bytes) -> Refusal:
    """The refusal that a status other than 200 means.

    A body that is an error, in whatever form, is the engine's: its words are the detail, and that tells an engine which
    is overloaded, or does not know the model, from a router which has nobody behind it, or does not know the path. Its
    type, its code and its words go before a status that says less.
    """
    complaint = complaint_in(body)
    words = spoken(body) if complaint is None else complaint.words
    reason = _of_status_and_words(status, words) if complaint is None else _of_own_status(status, complaint)
    return Refusal(reason, words if shortened(words) else f"HTTP {status}, empty body")


def redirected(status: int, location: str) -> Refusal:
    """The refusal that a redirect is: they are never followed, since the key would go along. Where it leads is told
    without what may be secret in it.
    """
    try:
        parts = urlsplit(location.strip())
        port = "" if parts.port is None else f":{parts.port}"
        place = urlunsplit((parts.scheme, f"{parts.hostname or ''}{port}", parts.path, "", ""))
    except ValueError:
        place = "a place that is no URL"
    left_out = " (without its query)" if "?" in location else ""
    return Refusal(Reason.REJECTED, f"HTTP {status}, a redirect to {place}{left_out}, which is never followed")


def in_stream(complaint: Complaint) -> Refusal:
    """The refusal that an error after the 200 means: what its type, its code or its words stand for.

    Once a token has come it is an `error_in_stream`, unless it tells an overload; that is for whoever has seen the
    tokens to say.
    """
    return Refusal(_of_complaint(complaint), complaint.words if shortened(complaint.words) else "an error that says nothing")


def said_by(words: str) -> Reason | None:
    """What words alone tell; None where they tell nothing."""
    return next((reason for reason, pattern in _SPOKEN if pattern.search(words[:LOOKED_AT])), None)


def _of_complaint(complaint: Complaint) -> Reason:
    named, spoken = _by_names(complaint), said_by(complaint.words)
    if complaint.status == 503:
        return _of_own_status(503, complaint)
    if Reason.OVERLOADED in (named, spoken):
        return Reason.OVERLOADED
    if complaint.status is not None and named in (None, Reason.REJECTED):
        return _of_own_status(complaint.status, complaint)
    return named or spoken or Reason.SERVER_ERROR


def _of_own_status(status: int, complaint: Complaint) -> Reason:
    """What a status means that comes with the engine's own error."""
    match status:
        case 401 | 403 | 407 | 429:
            return _of_status(status)
        case 404:
            named_path = _OF_A_PATH.search(complaint.words[:LOOKED_AT]) and "model" not in complaint.words.lower()
            return Reason.REJECTED if named_path else Reason.MODEL_MISSING
        case 503 if any("modelnotfound" in name for name in _plain_names(complaint)):
            return Reason.MODEL_MISSING
        case 503:
            not_ready = _NOT_READY.search(complaint.words[:LOOKED_AT]) and said_by(complaint.words) is not Reason.OVERLOADED
            return Reason.UNAVAILABLE if not_ready else Reason.OVERLOADED
    told = (_by_names(complaint), said_by(complaint.words))
    plain = _of_status(status)
    return next((reason for reason in (Reason.OVERLOADED, Reason.AUTH, Reason.MODEL_MISSING, Reason.SERVER_ERROR) if reason in told), plain)


def _of_status_and_words(status: int, words: str) -> Reason:
    """What a status means beside a text or a page: an unknown model is told so too (KServe `404: Model with name … does not exist.`), and a full
    queue (Ray Serve `Request dropped due to backpressure`, Knative `activator overload`).
    """
    plain, said = _of_status(status), said_by(words)
    if plain is Reason.REJECTED and said is Reason.MODEL_MISSING:
        return said
    return said if plain in (Reason.REJECTED, Reason.SERVER_ERROR, Reason.UNAVAILABLE) and said is Reason.OVERLOADED else plain


def _by_names(complaint: Complaint) -> Reason | None:
    names = _plain_names(complaint)
    return next((reason for reason, pattern in _NAMED if any(map(pattern.search, names))), None)


def _plain_names(complaint: Complaint) -> list[str]:
    """Without letter case and punctuation."""
    return [re.sub(r"[^a-z0-9]", "", name[:_NAME_LOOKED_AT].lower()) for name in complaint.names]


def _of_status(status: int) -> Reason:
    match status:
        case 401 | 403 | 407:
            return Reason.AUTH
        case 402 | 429 | 529:
            return Reason.OVERLOADED
        case 502 | 503 | 504 | 520 | 521 | 522 | 523 | 524:
            return Reason.UNAVAILABLE
        case _ if 300 <= status < 500:
            return Reason.REJECTED
        case _ if 500 <= status < 600:
            return Reason.SERVER_ERROR
        case _:
            return Reason.PROTOCOL


def spoken(body: bytes) -> str:
    """What a body in nobody's error form says to a person."""
    page = body.decode("utf-8", "replace")
    if not _HTML.match(page):
        return page
    title = _TITLE.search(page[: 4 * LOOKED_AT])
    return (html.unescape(title[1]).strip() if title else "") or "HTML page"
