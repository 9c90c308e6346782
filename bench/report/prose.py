"""Sentences as HTML: everything in them is escaped, numbers are marked up with their value, words of the field with their definition.

A number is reformatted for its reader's locale by a script, which finds its value in the markup; without the script it stands as it was written.
So only what is surely a measured number is marked: one with a unit behind it, or a text that is nothing else. The `0.9.1` of a version is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from markupsafe import Markup

from bench.report.words import PATTERN, Term, term_of

_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_UNIT = r"(?:%|ms|s|h|tokens?|chats?|users?|points?|rounds?|words?|minutes?|seconds?|times|GPUs?)"
_MEASURED = re.compile(
    rf"(?<![\w.,:/-])(?P<number>{_NUMBER})(?=(?:\s(?:to|and|of)\s(?:{_NUMBER}))?(?:\u00a0|\s){_UNIT}(?![\w-]))|(?<=±)(?P<half>{_NUMBER})(?=%)"
)
_WHOLE = re.compile(rf"(?P<sign>[+-]?)(?P<number>{_NUMBER})")


_BEFORE_UNIT = re.compile(r"(?<=\d) (?=(?:%|ms|s|h)(?![\w-]))")
"""A number and its short unit stay on one line."""


class Speaker:
    """Writes the sentences of one part of a page, and marks each word of the field where it stands there for the first time."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def __call__(self, text: str) -> Markup:
        """The text as HTML, with words and numbers marked."""
        return Markup("").join(self._pieces(text))

    def _pieces(self, text: str) -> Iterator[Markup]:
        at = 0
        for found in PATTERN.finditer(text):
            term = term_of(found[0])
            if term.key in self._said:
                continue
            self._said.add(term.key)
            yield numbers(text[at : found.start()])
            yield _marked(term, found[0])
            at = found.end()
        yield numbers(text[at:])


def coded(say: Speaker, text: str) -> Markup:
    """A text of ours that has code between backticks."""
    return Markup("").join(Markup("<code>{}</code>").format(part) if number % 2 else say(part) for number, part in enumerate(text.split("`")))


def numbers(text: str) -> Markup:
    """The text as HTML, with its numbers marked."""
    text = _BEFORE_UNIT.sub("\u00a0", text)
    whole = _WHOLE.fullmatch(text)
    if whole:
        return Markup("").join((whole["sign"], _number(whole["number"])))
    return Markup("").join(_numbered(text))


def _numbered(text: str) -> Iterator[Markup]:
    at = 0
    for found in _MEASURED.finditer(text):
        yield Markup.escape(text[at : found.start()])
        yield _number(found[0])
        at = found.end()
    yield Markup.escape(text[at:])


def _number(written: str) -> Markup:
    """One that reads the same in every locale is left as it is."""
    value = written.replace(",", "")
    digits = len(value.partition(".")[2])
    if value == written and not digits:
        return Markup.escape(written)
    return Markup('<data value="{}" data-digits="{}">{}</data>').format(value, digits, written)


def _marked(term: Term, form: str) -> Markup:
    return Markup('<button type="button" class="term" popovertarget="word-{}">{}</button>').format(term.key, form)
