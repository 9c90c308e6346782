"""The templates of the pages. Whatever they print is escaped, and has no characters that are not seen."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from catalogue.look import colour_of, shape_of
from exporter import wording
from exporter.urls import shown_url
from exporter.web.pages import drawing
from probes import backends
from probes.prompts import Named, PromptSpec, Synthetic


@cache
def environment() -> Environment:
    """All templates, read once."""
    found = Environment(
        loader=PackageLoader("exporter.web.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=wording.plain,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    found.filters |= {
        "duration": wording.duration,
        "span": wording.span,
        "number": wording.three_digits,
        "percent": wording.percent,
        "whole": wording.whole,
        "clock": wording.clock,
        "day": wording.day,
        "iso": wording.iso,
        "words": wording.words,
        "budget": wording.budget,
        "code": wording.code,
        "figure": wording.figure,
        "sentence": wording.sentence,
        "prompt": prompt_words,
        "shown_url": shown_url,
    }
    found.globals |= {
        "count": wording.count,
        "shape_of": shape_of,
        "sparkline": drawing.sparkline,
        "limit_is_drawn": drawing.limit_is_drawn,
        "share_bar": drawing.share_bar,
        "split_bar": drawing.split_bar,
        "engine_class": engine_class,
        "engine_title": engine_title,
    }
    return found


def engine_class(backend: str) -> str:
    """The class that gives an element the engine's colour."""
    return "other" if colour_of(backend) is None else backend


def engine_title(backend: str) -> str:
    """An engine's name, as people write it."""
    return backends.get(backend).title


def prompt_words(spec: PromptSpec) -> str:
    """What is asked, as people write it: the name of a set, or how long it is."""
    match spec:
        case Named(name):
            return name
        case Synthetic(input_tokens):
            return f"{input_tokens} tokens"
        case _:
            return "a text of its own"


def render(template: str, /, **values: object) -> str:
    """A template filled in."""
    return environment().get_template(template).render(**values)
