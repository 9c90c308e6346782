"""How numbers, instants and other people's texts are written on pages."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

from markupsafe import Markup

NOTHING = "–"
"""Where there is no value."""
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
"""What is not seen and yet changes what is: controls, joiners without width, and what turns the direction of text around."""


def plain(value: object) -> object:
    """Text of others with a sign in place of each character that is not seen. Markup of our own and other values stay as they are."""
    return _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", value) if isinstance(value, str) and not isinstance(value, Markup) else value


def duration(seconds: float | None) -> str:
    """A measured time in three digits: `4.21 ms`, `42.3 ms`, `1.24 s`, `3 min 20 s`."""
    if seconds is None or not math.isfinite(seconds):
        return NOTHING
    if abs(seconds) < 1:
        return f"{three_digits(seconds * 1000)} ms"
    return f"{three_digits(seconds)} s" if abs(seconds) < 100 else span(seconds)


def figure(written: str) -> Markup:
    """A number with its unit, which is set smaller."""
    number, _, unit = written.partition(" ")
    return Markup('{}<span class="unit"> {}</span>').format(number, unit) if unit else Markup("{}").format(number)


def sentence(text: str) -> str:
    """With a capital at its begin."""
    return text[:1].upper() + text[1:]


def span(seconds: float) -> str:
    """A length of time in its two largest units, `2 d 3 h`."""
    rest, parts = round(seconds), []
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, rest = divmod(rest, unit)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"


def three_digits(value: float | None) -> str:
    """A number in three digits, without an exponent: `0.42`, `58.1`, `1,240`."""
    if value is None or not math.isfinite(value):
        return NOTHING
    digits = 0 if abs(value) >= 99.95 or value == 0 else 1 if abs(value) >= 9.995 else 2
    return f"{value:,.{digits}f}"


def whole(number: float) -> str:
    """A count: `1,240`."""
    return f"{number:,.0f}"


def percent(share: float | None) -> str:
    """A share. It is 100% or 0% only where it is exactly that."""
    if share is None or not math.isfinite(share):
        return NOTHING
    if share in (0, 1):
        return f"{share:.0%}"
    digits = 0 if 0.1 <= share < 0.99 else 1 if share < 0.999 else 2
    cut = math.floor(share * 100 * 10**digits) / 10**digits
    return f"{cut:.{digits}f}%" if cut else f"<{10**-digits:.{digits}f}%"


def budget(left: float) -> str:
    """How much of an error budget is left; of one that is spent, how many times over."""
    return percent(left) if left > 0 else "none" if left > -0.01 else f"spent {three_digits(1 - left)}×"


def code(text: str) -> Markup:
    """Text with code between backticks."""
    return Markup("").join(Markup("<code>{}</code>").format(part) if place % 2 else part for place, part in enumerate(text.split("`")))


def clock(epoch_seconds: float) -> str:
    """The time of day, UTC."""
    return datetime.fromtimestamp(epoch_seconds, UTC).strftime("%H:%M:%S")


def day(epoch_seconds: float) -> str:
    """Day and time, UTC, without seconds."""
    return datetime.fromtimestamp(epoch_seconds, UTC).strftime("%Y-%m-%d %H:%M")


def iso(epoch_seconds: float) -> str:
    """An instant as `<time>` takes it."""
    return datetime.fromtimestamp(epoch_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def epoch(iso_text: str) -> float:
    """Seconds since the epoch of an instant as records have it."""
    return datetime.fromisoformat(iso_text).timestamp()


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 target`, `2 targets`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


_ACRONYMS = frozenset({"dns", "e2e", "kv", "tls", "ttft", "vram"})


def words(name: str) -> str:
    """The name of a reason, as it stands in a sentence: `first token timeout`."""
    return " ".join(word.upper() if word in _ACRONYMS else word for word in name.split("_"))
