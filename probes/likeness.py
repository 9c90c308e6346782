"""Frames that are like those before them: most of an answer's differ in their text and their counts alone.

What such a frame says is read off the places where these stand, at a fourth of the cost of reading it as JSON. That it
is what the engine's adapter would read is not assumed: a likeness is taken up only after the adapter has read two
frames that were made up for it, and whatever is not of it to the byte is left to the adapter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile
from typing import NamedTuple

import orjson

from probes.backends.base import Event, FrameError, WireForm
from probes.framing import FramingError, framer

LONGEST_BYTES = 4096
"""A longer read is nothing to learn from: its pattern would be as long."""
MOST_TRIES = 16
"""How many reads of an answer that are not alike are looked at for a likeness."""

_PLAIN_TEXT = rb'[^"\\\x00-\x1f]{0,%d}' % LONGEST_BYTES
_TEXT = rb'%b(?:\\(?:["\\/bfnrt]|u(?![dD][89a-fA-F])[0-9a-fA-F]{4})%b)*' % (_PLAIN_TEXT, _PLAIN_TEXT)
"""What stands between the quotes of a JSON text, but for halves of characters: they may be alone."""
_NAME = rb"[ !#-\[\]-~]{0,%d}" % LONGEST_BYTES
"""A text that is looked at no further, so that it must be UTF-8."""
_WHOLE = rb"[1-9][0-9]{0,15}"
_NUMBER = rb"-?(?:0|%b)(?:\.[0-9]{1,20})?(?:[eE][-+]?[0-9]{1,2})?" % _WHOLE
_COUNT = rb"[1-9][0-9]{0,6}"
"""A number of tokens that every reader takes for one."""
_BACKSLASH = b"\\"


class Said(NamedTuple):
    """What frames say that others do not: of each its text, how many bytes of UTF-8 that has, and the running usage."""

    texts: list[str]
    text_bytes: list[int]
    running_tokens: list[int | None]


class _Skeleton(NamedTuple):
    """What stands around the varying values, and the pattern of each of these."""

    around: tuple[bytes, ...]
    patterns: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Likeness:
    """Frames that differ in the values of some fields alone. `example` is what one of them says: all of them say the
    same but for the text, which is the answer's or reasoning, as in the example, and for the running usage.
    """

    example: Event
    _find: Callable[[bytes], list[tuple[bytes, bytes, bytes]]]
    _text: int
    _count: int

    def said(self, reads: Sequence[bytes]) -> Said:
        """What reads say that each hold one such frame and nothing else, up to the first other one.

        They are looked at together. A frame that is found where a read is, and is that read, is all of it.
        """
        found = self._find(b"".join(reads))
        if [one[0] for one in found] != list(reads):
            found = [one for one, _ in takewhile(lambda pair: pair[0][0] == pair[1], zip(found, reads, strict=False))]
        quoted = [one[self._text] for one in found]
        texts, text_bytes = _texts(quoted)
        told = self.example.running_tokens
        return Said(texts, text_bytes, [int(one[self._count]) if one[self._count] else told for one in found[: len(texts)]])


class Likenesses:
    """The likeness of one answer's frames, once two in a row have shown it."""

    def __init__(self, form: WireForm) -> None:
        self.found: Likeness | None = None
        self._form = form
        self._before: _Skeleton | None = None
        self._tries = MOST_TRIES if form.varying else 0

    def learn(self, read: bytes) -> None:
        """Take a read of whole frames that was not alike."""
        if not self._tries or len(read) > LONGEST_BYTES:
            return
        self._tries -= 1
        skeleton = _skeleton(self._form.varying, read)
        if skeleton == self._before:
            self.found = _likeness(self._form, skeleton)
        self._before = skeleton


def _skeleton(names: tuple[str, ...], read: bytes) -> _Skeleton:
    """An empty text is no value, but a part of the skeleton: it may mean something else than others."""
    around: list[bytes] = []
    patterns: list[bytes] = []
    end = 0
    for found in _values_of(names).finditer(read):
        text, whole, number = found.groups()
        if value := text or whole or number:
            around.append(read[end : found.end() - len(value) - (1 if text else 0)])
            patterns.append(_TEXT if text else _WHOLE if whole else _NUMBER)
            end = found.end() - (1 if text else 0)
    return _Skeleton((*around, read[end:]), tuple(patterns))


def _texts(quoted: list[bytes]) -> tuple[list[str], list[int]]:
    """(what stands between quotes, how many bytes of UTF-8 each has), up to the first that is empty, too long, or no UTF-8."""
    sizes, texts = list(map(len, quoted)), []
    if sizes and min(sizes) > 0 and max(sizes) < LONGEST_BYTES and (together := b"".join(quoted)).isascii() and _BACKSLASH not in together:
        return list(map(bytes.decode, quoted)), sizes
    with suppress(ValueError):
        for one in quoted:
            if not 0 < len(one) < LONGEST_BYTES:
                break
            texts.append(orjson.loads(b'"%b"' % one) if _BACKSLASH in one else one.decode())
    return texts, [len(text.encode()) for text in texts]


@lru_cache
def _values_of(names: tuple[str, ...]) -> re.Pattern[bytes]:
    """Finds the values of these fields in JSON. What looks like the name of a field, with its quotes and a colon, is one:
    inside a text the quotes would have backslashes before them.
    """
    name = "|".join(map(re.escape, names)).encode()
    return re.compile(rb'"(?:%b)": ?(?:"(%b)"|(?:(%b)|(%b))(?=[,}]))' % (name, _TEXT, _WHOLE, _NUMBER))


@lru_cache(256)
def _likeness(form: WireForm, skeleton: _Skeleton) -> Likeness | None:
    """The likeness of frames with this skeleton; None if they say more than a text and a count, or if it cannot be told which value is which.

    Two made-up frames, which have neither a value nor a difference of two in common, show what the adapter makes of each value. Their texts are
    numbers, since an adapter may read numbers that stand in quotes.
    """
    places = range(len(skeleton.patterns))
    one, other = [1000 + place for place in places], [2000 + 3 * place for place in places]
    says, says_otherwise = _said(form, skeleton, one), _said(form, skeleton, other)
    if says is None or says_otherwise is None or not _is_plain(says):
        return None
    text = next((place for place in places if str(one[place]) == says.text + says.reasoning), None)
    count = next((place for place in places if one[place] == says.running_tokens), None)
    if text is None or skeleton.patterns[text] is not _TEXT or count == text:
        return None
    otherwise = str(other[text])
    expected = says._replace(text=otherwise) if says.text else says._replace(reasoning=otherwise)
    if count is not None:
        expected = expected._replace(running_tokens=other[count])
    return _matching(skeleton, says, text, count) if expected == says_otherwise else None


def _said(form: WireForm, skeleton: _Skeleton, values: Sequence[int]) -> Event | None:
    """What a read with these values says; None if it holds anything besides one frame and its framing."""
    read = b"".join(part for around, value in zip(skeleton.around, [*values, ""], strict=True) for part in (around, str(value).encode()))
    cutter = framer(form.framing)
    try:
        [frame] = cutter.feed(b"\n" + read)  # an empty line before it, so that it does not begin the stream
        event = form.read(frame.data)
    except (FramingError, FrameError, ValueError):
        return None
    besides = frame.event or frame.comment or frame.stray or read[frame.end - 1 :].strip(b"\r\n")
    return event if cutter.idle and not besides else None


def _is_plain(event: Event) -> bool:
    """Whether it says a text of one kind, and neither ends anything nor has a time of its own."""
    ends = event.finish_reason is not None or event.refusal is not None or event.done
    return not ends and event.created_ns is None and not event.tool_text and bool(event.text) != bool(event.reasoning)


def _matching(skeleton: _Skeleton, example: Event, text: int, count: int | None) -> Likeness:
    parts: list[bytes] = []
    for place, (around, pattern) in enumerate(zip(skeleton.around, [*skeleton.patterns, b""], strict=True)):
        parts.append(re.escape(around))
        if place in (text, count):
            parts.append(b"(%b)" % (_COUNT if place == count else pattern))
        elif pattern:
            parts.append(b"(?:%b)" % (_NAME if pattern is _TEXT else pattern))
    find = re.compile(b"(%b())" % b"".join(parts)).findall  # without a count, the group at the end stands for it
    return Likeness(example, find, 1 if count is None or text < count else 2, 2 if count is None or text < count else 1)
