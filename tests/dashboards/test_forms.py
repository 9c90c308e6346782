"""The forms of delivery: the same dashboards in each, and each as who takes it wants it."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from dashboards.boards import BOARDS
from dashboards.build import build
from dashboards.dash.board import Board, Row
from dashboards.dash.console import TYPES, edition
from dashboards.dash.filling import used
from dashboards.dash.panels import Stat, TimeSeries
from dashboards.dash.queries import Query
from dashboards.dash.units import Unit
from dashboards.forms.configmap import config_map
from dashboards.forms.delivery import Delivery, Form
from dashboards.forms.operator import unpacked
from dashboards.lint.page import Page
from tests import crds
from tests.dashboards.parts import BOARD

CONSOLE_UNITS = {"bytes", "Bytes", "bps", "Bps", "pps", "ms", "s", "percentunit", "short"}
EACH = pytest.mark.parametrize("board", [BOARD, *BOARDS], ids=lambda board: board.title)


def text(board: Board, form: Form) -> str:
    (written,) = build([board], form).values()
    return written


def written(board: Board, form: Form) -> Any:
    return yaml.load(text(board, form), yaml.CSafeLoader)


@EACH
def test_all_forms_hold_the_same_dashboard(board: Board) -> None:
    raw = text(board, Form.JSON)
    assert written(board, Form.CONFIG_MAP)["data"] == {f"{board.uid}.json": raw}
    packed = written(board, Form.OPERATOR)["spec"]["gzipJson"]
    assert gzip.decompress(base64.b64decode(packed)).decode() == raw


@EACH
def test_a_config_map_is_found_by_the_sidecar(board: Board) -> None:
    assert written(board, Form.CONFIG_MAP)["metadata"] == {
        "name": str(board.uid),
        "labels": {"grafana_dashboard": "1"},
        "annotations": {"grafana_folder": "chatprobe"},
    }


def test_a_dashboard_that_is_too_large_for_a_config_map_is_refused() -> None:
    assert len(config_map("small", "x" * (1024 * 1024 - 500), Delivery())) < 1024 * 1024
    with pytest.raises(ValueError, match=r"^large: its ConfigMap has \d{7} bytes, and Kubernetes keeps fewer than 1048576; divide the dashboard$"):
        config_map("large", "x" * 1024 * 1024, Delivery())


@pytest.mark.parametrize("form", [Form.CONFIG_MAP, Form.OPERATOR, Form.CONSOLE])
def test_what_kubectl_cannot_keep_in_an_annotation_is_applied_by_the_server(form: Form) -> None:
    """`kubectl apply` writes the whole object into an annotation of it, and all annotations together have 256 KiB."""
    page = (Path(__file__).parents[2] / "docs" / "dashboards.md").read_text()
    (row,) = [line for line in page.splitlines() if f"| `{form}` |" in line]
    large = [board.title for board in BOARDS if len(json.dumps(written(board, form)).encode()) > 256 * 1024]
    assert ("apply --server-side -f" in row) == bool(large)


@EACH
def test_the_operators_definition_takes_its_resource(board: Board) -> None:
    schema = crds.schema("grafanadashboards")
    resource = written(board, Form.OPERATOR)
    jsonschema_rs.validator_for(schema).validate(resource)
    assert resource["spec"]["instanceSelector"] == {"matchLabels": {"dashboards": "grafana"}}
    resource["spec"]["zipJson"] = resource["spec"].pop("gzipJson")
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validator_for(schema).validate(resource)


def test_how_it_is_packed_does_not_matter() -> None:
    resource = written(BOARD, Form.OPERATOR)
    one = yaml.safe_dump(resource)
    resource["spec"]["gzipJson"] = base64.b64encode(gzip.compress(gzip.decompress(base64.b64decode(resource["spec"]["gzipJson"])), 1)).decode()
    other = yaml.safe_dump(resource)
    assert one != other
    assert unpacked(one) == unpacked(other)


@EACH
def test_the_console_can_show_all_that_it_is_given(board: Board) -> None:
    resource = written(board, Form.CONSOLE)
    assert resource["metadata"]["namespace"] == "openshift-config-managed"
    assert resource["metadata"]["labels"] == {"console.openshift.io/dashboard": "true", "console.openshift.io/odc-dashboard": "true"}
    ((name, raw),) = resource["data"].items()
    assert name == f"{board.uid}.json"
    dashboard = json.loads(raw)
    names = {variable["name"] for variable in dashboard["templating"]["list"]}
    page = Page(dashboard | {"panels": [panel for row in dashboard["rows"] for panel in row["panels"]]})
    assert page.panels
    for panel in page.panels:
        assert panel.kind in TYPES
        assert units(panel.raw) <= CONSOLE_UNITS
        assert panel.title == panel.title.replace("$", "")
        for target in panel.targets:
            assert "${" not in target.expr
            assert page.read(target.expr.replace("$__rate_interval", "5m").replace("$__range", "1h")) is not None
            assert set(used(target.expr)) <= {*names, "__rate_interval", "__range"}


def units(panel: dict[str, Any]) -> set[str]:
    """The units that the console reads."""
    match panel["type"]:
        case "graph":
            return {panel["yaxes"][0]["format"]}
        case "singlestat":
            return {panel["format"]}
    return {style["unit"] for style in panel["styles"] if style["type"] == "number"}


def test_what_the_console_cannot_show_is_named() -> None:
    since = Stat(title="When", description="d", unit=Unit.SINCE, queries=(Query("vector(1)"),))
    board = Board(uid=BOARD.uid, title="B", description="d", variables=BOARD.variables, rows=(*BOARD.rows, Row("More", (since,))))
    assert edition(board).left_out == (
        "Heat: the console has nothing like a panel of the kind Heatmap",
        "Note: the console has nothing like a panel of the kind Text",
        "When: the console has no unit for instants",
    )
    assert "# Left out: Heat: the console has nothing like a panel of the kind Heatmap\n" in text(board, Form.CONSOLE)


def test_the_console_gets_the_first_choice_of_a_variable_that_it_cannot_have() -> None:
    many = TimeSeries(title="Of ${n:text}, $n", description="d", unit=Unit.NUMBER, queries=(Query('vector(${n}) * up{job=~"${job}"}', "{{job}}"),))
    board = Board(uid=BOARD.uid, title="B", description="d", variables=BOARD.variables, rows=(Row("R", (many,)),))
    (panel,) = edition(board).dashboard["rows"][0]["panels"]
    assert panel["title"] == "Of many, 512"
    assert panel["targets"][0]["expr"] == 'vector(512) * up{job=~"$job"}'
    assert "n" not in {variable["name"] for variable in edition(board).dashboard["templating"]["list"]}
