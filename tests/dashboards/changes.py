"""Changes to a dashboard's JSON that break a rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Json = dict[str, Any]
Change = Callable[[Json], None]


def variable(page: Json, name: str) -> Json:
    found: Json = next(each for each in page["templating"]["list"] if each["name"] == name)
    return found


def panel(page: Json, title: str) -> Json:
    found: Json = next(each for each in page["panels"] if each["title"] == title)
    return found


def target(page: Json, title: str) -> Json:
    found: Json = panel(page, title)["targets"][0]
    return found


def of_target(title: str, /, **changes: object) -> Change:
    return lambda page: target(page, title).update(changes)


def expr(title: str, text: str) -> Change:
    return of_target(title, expr=text)


def drop(name: str) -> Change:
    return lambda page: page["templating"]["list"].remove(variable(page, name))


def of_variable(name: str, /, **changes: object) -> Change:
    return lambda page: variable(page, name).update(changes)


def of_panel(title: str, /, **changes: object) -> Change:
    return lambda page: panel(page, title).update(changes)
