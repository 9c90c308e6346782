from __future__ import annotations

from pathlib import Path

from dashboards.dash.render import as_json
from dashboards.lint.page import Page
from tests.dashboards.asking import Series
from tests.dashboards.parts import BOARD


def test_a_dashboard_with_every_kind_of_panel_is_drawn_on_its_grid(tmp_path: Path) -> None:
    from matplotlib.image import imread  # which every process that collects tests would load

    from tests import pictures

    lines = Series({"target": "chat-a", "backend": "vllm"}, tuple((1_700_000_000.0 + at, at / 10) for at in range(60)))
    page = Page(as_json(BOARD))
    full = {panel.title: [(target, [lines]) for target in panel.targets] for panel in page.panels}
    empty = {panel.title: [(target, list[Series]()) for target in panel.targets] for panel in page.panels}
    sizes, inks = [], []
    for name, answers in (("full", full), ("empty", empty)):
        path = tmp_path / f"new/{name}.png"
        pictures.picture(BOARD, answers, path)
        image = imread(path)
        sizes.append(image.shape[:2])
        inks.append(int((image[:, :, :3].min(axis=2) < 0.5).sum()))
    bottom = max(raw["gridPos"]["y"] + raw["gridPos"]["h"] for raw in page.raw["panels"])
    assert sizes == [(int((bottom * pictures.CELL_HEIGHT + pictures.MARGIN) * 75), int(24 * pictures.CELL_WIDTH * 75))] * 2
    assert inks[0] > inks[1] > 0


def test_values_are_shown_with_their_unit() -> None:
    from tests import pictures

    shown = [pictures.number(value, unit) for value, unit in ((0.123456, "s"), (2.5, "s"), (0, "s"), (0.9512, "percentunit"), (1234, "short"))]
    assert shown == ["123.5 ms", "2.5 s", "0 s", "95.12 %", "1234"]
