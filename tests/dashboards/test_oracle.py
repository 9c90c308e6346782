"""What is built, as the typed models of Grafana's own SDK read it: they know every field of ours, and give it back as it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import dashboard as sdk

from dashboards.boards import BOARDS
from dashboards.dash.board import Board
from dashboards.dash.render import as_json
from tests.dashboards.parts import BOARD

register_default_plugins()


@pytest.mark.parametrize("board", [BOARD, *BOARDS], ids=lambda board: board.title)
def test_the_sdk_reads_every_field(board: Board) -> None:
    ours: Any = as_json(board)
    read = sdk.Dashboard.from_json(ours)
    assert [type(panel).__name__ for panel in read.panels or []] == ["RowPanel" if panel["type"] == "row" else "Panel" for panel in ours["panels"]]
    assert list(lost(ours, as_plain(read))) == []


def test_a_field_that_it_does_not_know_is_found() -> None:
    ours: Any = as_json(BOARD)
    ours["panels"][1]["options"]["legend"]["displayMood"] = "list"
    del ours["panels"][0]
    assert list(lost(ours, as_plain(sdk.Dashboard.from_json(ours)))) == ["panels.0.options.legend.displayMood"]


def as_plain(read: sdk.Dashboard) -> Any:
    return json.loads(json.dumps(read, cls=JSONEncoder))


def lost(ours: Any, theirs: Any, where: str = "") -> Iterator[str]:
    """The places of what is in ours and not, or otherwise, in theirs."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            place = f"{where}.{key}".lstrip(".")
            if key in theirs:
                yield from lost(value, theirs[key], place)
            else:
                yield place
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from lost(one, other, f"{where}.{index}")
    elif ours != theirs:
        yield f"{where}: {ours!r} became {theirs!r}"
