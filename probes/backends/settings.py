"""How an engine was started, as far as it tells: a closed list of settings, so that no key of its operator's is among them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import orjson

from probes.backends.fields import parse_object, proper_name
from probes.numbers.family import Family


@dataclass(frozen=True, slots=True)
class Settings:
    """Where an engine tells its settings, and which of them may bear on what is measured.

    `keys` are those of the JSON object at `path`, with dots where one holds another. Where `ask` is given, what it gives
    for a model is posted there. `labels` are those of the series `series` on the page of its own metrics. What differs
    from start to start on one machine, as the number of its cache's blocks does, belongs to neither.
    """

    path: str | None = None
    keys: tuple[str, ...] = ()
    ask: Callable[[str], Mapping[str, object]] | None = None
    series: str = ""
    labels: tuple[str, ...] = ()

    def posted(self, model: str) -> bytes | None:
        """What is posted to `path`; None where it is only got."""
        return None if self.ask is None else orjson.dumps(self.ask(model))

    def of_answer(self, body: bytes) -> dict[str, str]:
        """Those in the answer of `path`. Raises `probes.backends.base.FrameError`."""
        answer = parse_object(body)
        found = {key.rpartition(".")[2]: _at(answer, key) for key in self.keys}
        return {key: told for key, value in found.items() if (told := _told(value)) is not None}

    def of_page(self, families: Iterable[Family]) -> dict[str, str]:
        """Those of its own metrics. Ranks that differ are all told."""
        found: dict[str, list[str]] = {}
        for labels in (dict(sample.labels) for family in families for sample in family.samples if sample.name == self.series):
            for name in self.labels:
                if (told := _told(labels.get(name))) is not None and told != "None":
                    found.setdefault(name, []).append(told)
        return {name: " and ".join(sorted(set(values))) for name, values in found.items()}


def settings_in(told: Mapping[str, object], keys: Iterable[str]) -> dict[str, str]:
    """The settings of these names among what an engine told to another program."""
    return {key: value for key in keys if (value := _told(told.get(key))) is not None}


def _at(answer: Mapping[str, object], key: str) -> object:
    found: object = answer
    for name in key.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _told(value: object) -> str | None:
    """A setting in words; None of what is no single value."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:.10g}"
    return value if isinstance(value, str) and value and proper_name(value) else None
