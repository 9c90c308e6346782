"""Rules for single values that need more than a type: URLs, headers, certificates. Each finding is a place and a text."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

Finding = tuple[tuple[str | int, ...], str]
"""(where, below the section that is checked; "what is wrong; what would be right")."""

OURS = frozenset(
    {"host", "content-length", "content-type", "x-request-id", "connection", "transfer-encoding", "accept-encoding", "accept", "user-agent"}
)
"""Headers that chatprobe sets itself: another value would break the request, or the measurement."""

MOST_NAMES = 24
"""Names that are listed in an error: all keys of any section."""
_PLAIN = re.compile(r"[A-Za-z0-9_./-]{1,128}", re.ASCII)
_NO_URL = "is not a URL of an engine; write http://HOST:PORT or https://HOST:PORT, with a port from 1 to 65535 or without one"
_PAGE_PROBLEMS = {
    "is not a URL of an engine": "is not a URL of a page; write https://HOST/PATH",
    "holds a user or a password": "holds a user or a password; take it out",
}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_FIELD_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def as_error(findings: Iterable[Finding], others: ValidationError | None = None, *, missing: Iterable[str] = ()) -> ValidationError:
    """The findings and the `missing` keys as one error, joined to `others`; what was written is in none of it."""
    from pydantic_core import InitErrorDetails, ValidationError  # which commands without a configuration start without

    details = [InitErrorDetails(type=_finding(text), loc=place, input=None) for place, text in findings]
    details += [InitErrorDetails(type="missing", loc=(key,), input=None) for key in missing]
    earlier = [_again(error) for error in (others.errors(include_input=False, include_url=False) if others else ())]
    return ValidationError.from_exception_data("configuration", [*earlier, *details], hide_input=True)


def refuse(findings: Iterable[Finding]) -> None:
    """Raises `ValidationError` where anything was found."""
    if found := list(findings):
        raise as_error(found)


def refuse_repeats(names: Sequence[object], what: str) -> None:
    """Raises `ValidationError` for what is named a second time."""
    refuse(((index,), f"names a {what} twice; name it once") for index, name in enumerate(names) if name in names[:index])


def _finding(text: str) -> PydanticCustomError:
    from pydantic_core import PydanticCustomError

    return PydanticCustomError("finding", "{text}", {"text": text})


def _again(error: ErrorDetails) -> InitErrorDetails:
    from pydantic_core import InitErrorDetails

    context = error.get("ctx", {})
    kind = _finding(context["text"]) if error["type"] == "finding" else error["type"]
    return InitErrorDetails(type=kind, loc=error["loc"], input=None, ctx=context)


def meant(wrong: str, known: Iterable[str]) -> str | None:
    """What was probably meant by a name, in whatever case it is written; None if it is like none that is known, or like one that is no plain word."""
    plain = sorted(name for name in known if _PLAIN.fullmatch(name))
    close = difflib.get_close_matches(wrong, plain, n=1, cutoff=0.6)
    if close:
        return close[0]
    small = {name.lower(): name for name in plain}
    return next((small[name] for name in difflib.get_close_matches(wrong.lower(), small, n=1, cutoff=0.6)), None)


def suggestion(wrong: str, known: Iterable[str]) -> str:
    """What was probably meant by a name, or which ones there are. Known names that are no plain words are not repeated."""
    names = sorted(name for name in known if _PLAIN.fullmatch(name))
    close = meant(wrong, names)
    if close:
        return f"did you mean {close}?"
    if not names:
        return "there is none yet"
    return f"there {'is' if len(names) == 1 else 'are'} {', '.join(names[:MOST_NAMES])}{', …' if len(names) > MOST_NAMES else ''}"


_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+(%[a-z0-9._-]+)?")


def check_plain_url(url: str) -> str:
    """A URL of scheme, host, port and path, scheme and host in lower case, without a slash at its end.

    Raises ValueError without the URL: it may hold a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(_NO_URL) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or parts.netloc.endswith(":"):
        raise ValueError(_NO_URL)
    if parts.username is not None or parts.password is not None:
        raise ValueError("holds a user or a password; take it out and write api_key: {file: PATH}")
    if parts.query or parts.fragment or url.endswith(("?", "#")):
        raise ValueError("has a query or a fragment; take out everything from ? or # on")
    if not re.fullmatch(r"[!-~]+", url, re.ASCII):
        raise ValueError("has spaces or characters outside of ASCII; write them percent-encoded, and a host's name in its xn-- form")
    if not _HOST.fullmatch(parts.hostname):
        raise ValueError(_NO_URL)
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"


def check_page_url(url: str) -> str:
    """A URL that is none of an engine, with the same checks; what is wrong is said of a page."""
    try:
        return check_plain_url(url)
    except ValueError as error:
        raise ValueError(_PAGE_PROBLEMS.get(str(error).partition(";")[0], str(error))) from None


def check_tls(url: str, tls: Mapping[str, object]) -> Iterator[Finding]:
    """`tls` holds the keys that were written."""
    if not url.startswith("https://"):
        for key, value in tls.items():
            if value:
                yield ("tls", key), "has no effect without TLS; write an https:// URL, or leave it out"
        return
    for key, partner in (("cert_file", "key_file"), ("key_file", "cert_file")):
        if tls.get(key) and not tls.get(partner):
            yield ("tls", key), f"needs the other half of the pair; write {partner} too"
    if tls.get("insecure") and tls.get("ca_file"):
        yield ("tls", "ca_file"), "has no effect where insecure accepts any certificate; take out one of the two"


def check_header(name: str, value: str, *, has_api_key: bool, seen: Iterable[str]) -> Iterator[Finding]:
    """`seen` holds the names before it, in lower case. Neither a malformed name nor any value is repeated."""
    if not _TOKEN.fullmatch(name):
        yield ("headers",), "has a name that is not one of a header; write letters, digits and - only, and the value after the colon"
    elif name.lower() in OURS:
        yield ("headers", name), "is a header that chatprobe sets itself; leave it out"
    elif name.lower() == "authorization" and has_api_key:
        yield ("headers", name), "is set from api_key; leave out one of the two"
    elif name.lower() in seen:
        yield ("headers", name), "is there twice, names of headers do not mind case; leave out one of the two"
    elif value != value.strip(" \t"):
        yield ("headers", name), "has a blank at its begin or its end, which no header can carry; take it out"
    elif not _FIELD_VALUE.fullmatch(value):
        yield ("headers", name), "has a value that no header can hold; write one line, without line breaks or control characters"
