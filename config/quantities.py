"""Quantities as an operator writes them: rates, shares, names, addresses. Text in, typed values out, and back.

Every reader raises ValueError with a text of the form "what is wrong; what would be right". None repeats the text that it was
given: it stands at the place that the error names, and it may be a secret that was put there by mistake.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, PlainSerializer

from config.durations import read_duration, write_duration

_RATE = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)/([smhd])", re.ASCII)
_RATE_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LOWEST_RATE, _HIGHEST_RATE = Fraction(1, 86400), Fraction(1000)
_SIZE = re.compile(r"(\d{1,9})(KiB|MiB|GiB)", re.ASCII)
_SIZE_UNITS = {"GiB": 2**30, "MiB": 2**20, "KiB": 2**10}
_LARGEST_SIZE = 2**50
_CONTROL = ("Cc", "Cs", "Zl", "Zp")
"""Unicode's categories of control characters, of halves of characters, and of what ends a line or a paragraph."""
_TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""What has the text around it run the other way."""
EMPTY = "is empty; write something, or leave it out"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]*", re.ASCII)
_NAME_PATTERN = re.compile(r"[A-Za-z0-9*][A-Za-z0-9_./*-]*", re.ASCII)
_NAMESPACE_PATTERN = re.compile(r"[a-z0-9*-]{1,63}", re.ASCII)
_LONGEST_NAME = 128
_MOST_WORKERS = 64


def read_rate(written: object) -> Fraction:
    """Exactly how many a second a rate like `2/s`, `0.5/s`, `30/m` or `120/h` is; 0 for a pause."""
    if isinstance(written, Fraction):
        return written
    found = _RATE.fullmatch(written) if isinstance(written, str) else None
    if found is None:
        raise ValueError("is not a rate; write a number per s, m, h or d, like 2/s, 30/m or 120/h")
    per_second = Fraction(found[1]) / _RATE_UNITS[found[2]]
    if per_second and not _LOWEST_RATE <= per_second <= _HIGHEST_RATE:
        raise ValueError("is out of range; write a rate from 1/d to 1000/s")
    return per_second


def write_rate(per_second: Fraction) -> str:
    """A text that reads back as the same rate, with a whole number if there is one."""
    numbers = {unit: per_second * seconds for unit, seconds in _RATE_UNITS.items()}
    whole = [f"{number}/{unit}" for unit, number in numbers.items() if number.denominator == 1]
    decimals = [f"{(Decimal(number.numerator) / number.denominator).normalize():f}/{unit}" for unit, number in numbers.items()]
    return next(text for text in (*whole, *decimals) if _RATE.fullmatch(text) and read_rate(text) == per_second)


def read_size(written: object) -> int:
    """Bytes of a size like `512MiB` or `1GiB`."""
    found = _SIZE.fullmatch(written) if isinstance(written, str) else None
    if found is None:
        raise ValueError("is not a size; write a whole number with its unit, like 512MiB or 1GiB")
    size = int(found[1]) * _SIZE_UNITS[found[2]]
    if not 0 < size <= _LARGEST_SIZE:
        raise ValueError("is out of range; write a size up to 1048576GiB")
    return size


def write_size(size: int) -> str:
    """A text that reads back as the same size, in the largest unit that it is a whole number of."""
    return next(f"{size // factor}{unit}" for unit, factor in _SIZE_UNITS.items() if size % factor == 0)


def read_share(written: object) -> Decimal:
    """The exact ratio of a percentage strictly between 0 and 100: `99.9%` is 0.999."""
    return _read_percentage(written, "99%", "like 99%: 100% leaves no error budget")


def read_load_share(written: object) -> Decimal:
    """The same of a share of an engine's load: `5%` is 0.05."""
    return _read_percentage(written, "5%", "like 5%, or leave it out for no bound")


def read_resolution(written: object) -> Decimal:
    """The same of how closely something is looked for: `5%` is 0.05."""
    return _read_percentage(written, "5%", "like 5%")


def _read_percentage(written: object, example: str, instead: str) -> Decimal:
    if isinstance(written, Decimal):
        return written
    if not isinstance(written, str) or not re.fullmatch(r"\d{1,3}(\.\d{1,6})?%", written, re.ASCII):
        raise ValueError(f"is not a percentage; write one with its sign, like {example} or 99.9%")
    share = Decimal(written[:-1]) / 100
    if not 0 < share < 1:
        raise ValueError(f"is out of range; write a percentage above 0% and below 100%, {instead}")
    return share


def write_share(share: Decimal) -> str:
    return f"{(share * 100).normalize():f}%"


def read_workers(written: object) -> int | Literal["auto"]:
    """A number of measuring workers, or `auto`, which is also what nothing stands for."""
    if written is None or written == "auto":
        return "auto"
    if isinstance(written, bool) or not isinstance(written, int):
        raise ValueError("is no number of workers; write auto, or a whole number, like 2")
    if not 1 <= written <= _MOST_WORKERS:
        raise ValueError(f"is out of range; write auto, or a whole number from 1 to {_MOST_WORKERS}")
    return written


def read_name(written: str) -> str:
    """A name that becomes the value of a Prometheus label and a part of paths and rule names."""
    if len(written) > _LONGEST_NAME:
        raise ValueError(f"is a name of {len(written)} characters; it becomes a label of every series: write at most {_LONGEST_NAME}")
    if not _NAME.fullmatch(written):
        raise ValueError("is not usable as a name; write letters, digits and - _ . / only, a letter or digit first")
    return written


def read_foreign_name(written: str) -> str:
    """A name that others give, of a model perhaps: anything that stands on one line, and does not turn the text around it."""
    if not written:
        raise ValueError(EMPTY)
    found = next((mark for mark in written if unicodedata.category(mark) in _CONTROL or mark in _TURNING), None)
    if found is not None:
        raise ValueError(f"has the control character U+{ord(found):04X}; write it without")
    return written


def is_name_pattern(written: str) -> bool:
    return len(written) <= _LONGEST_NAME and _NAME_PATTERN.fullmatch(written) is not None


def read_name_pattern(written: str) -> str:
    """A name, or what names have with `*` for any part of them."""
    if not is_name_pattern(written):
        raise ValueError("is not usable as a name; write letters, digits and - _ . / only, and * for any part of it")
    return written


def read_namespace_pattern(written: str) -> str:
    """A namespace of Kubernetes, or what namespaces have with `*` for any part of them."""
    if not _NAMESPACE_PATTERN.fullmatch(written):
        raise ValueError("is no namespace; write lower-case letters, digits and - only, and * for any part of it")
    return written


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens. `host` is a name or an IP address, IPv6 without brackets; port 0 takes any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_address(written: object) -> Address:
    """`host:port`, with an IPv6 address in brackets."""
    if isinstance(written, Address):
        return written
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.%]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})", written, re.ASCII) if isinstance(written, str) else None
    if found is None:
        raise ValueError("is not an address to listen on; write host:port, like 127.0.0.1:9840, or [::]:9840 for all interfaces")
    port = int(found[3])
    if port > 65535:
        raise ValueError("has a port out of range; write one between 0 and 65535 (0 takes any free one)")
    return Address(found[1] or found[2], port)


def read_folder(written: str) -> str:
    """An absolute path."""
    if not written.startswith("/"):
        raise ValueError("is not an absolute path; write one that begins with /")
    return written


Seconds = Annotated[float, BeforeValidator(read_duration), PlainSerializer(write_duration)]
"""Seconds, written as a duration."""
Rate = Annotated[Fraction, BeforeValidator(read_rate), PlainSerializer(write_rate)]
"""Exactly how many a second, written per second, minute, hour or day."""
Bytes = Annotated[int, BeforeValidator(read_size), PlainSerializer(write_size)]
"""Bytes, written as a size."""
Share = Annotated[Decimal, BeforeValidator(read_share), PlainSerializer(write_share)]
"""A ratio strictly between 0 and 1, exact, written as a percentage."""
LoadShare = Annotated[Decimal, BeforeValidator(read_load_share), PlainSerializer(write_share)]
"""The same, of an engine's load."""
Resolution = Annotated[Decimal, BeforeValidator(read_resolution), PlainSerializer(write_share)]
"""The same, of how closely something is looked for."""
WorkerCount = Annotated[int | Literal["auto"], BeforeValidator(read_workers)]
"""How many measuring workers there are, or `auto`."""
Name = Annotated[str, AfterValidator(read_name)]
NamePattern = Annotated[str, AfterValidator(read_name_pattern)]
NamespacePattern = Annotated[str, AfterValidator(read_namespace_pattern)]
Folder = Annotated[str, AfterValidator(read_folder)]
ListenAddress = Annotated[Address, BeforeValidator(read_address), PlainSerializer(str)]
