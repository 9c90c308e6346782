from __future__ import annotations

import pytest

from dashboards.dash.layout import Place, bottom, flow
from dashboards.dash.panels import Text


def text(title: str, width: int, height: int) -> Text:
    return Text(title=title, description="", content="", width=width, height=height)


def test_panels_flow_in_lines_as_high_as_their_highest() -> None:
    places = flow([text("a", 16, 4), text("b", 8, 6), text("c", 12, 2), text("d", 13, 1)], top=1)
    assert places == [Place(0, 1, 16, 4), Place(16, 1, 8, 6), Place(0, 7, 12, 2), Place(0, 9, 13, 1)]
    assert bottom(places, 1) == 10


def test_nothing_ends_where_it_begins() -> None:
    assert flow([], top=5) == []
    assert bottom([], 5) == 5


@pytest.mark.parametrize(("width", "height"), [(25, 1), (0, 1), (1, 0)])
def test_what_has_no_place_is_refused(width: int, height: int) -> None:
    with pytest.raises(ValueError, match=f"^a: {width} x {height} cells; a panel has 1 to 24 columns, and at least one line$"):
        flow([text("a", width, height)], top=0)
