from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from catalogue.uids import Dashboard
from dashboards.dash.board import Row
from dashboards.dash.colours import Colour
from dashboards.dash.links import Link, cell, label
from dashboards.dash.panels import Panel, TimeSeries
from dashboards.dash.queries import Query
from dashboards.dash.render import as_json, panel_id, text
from dashboards.dash.units import Unit
from dashboards.dash.values import Thresholds
from dashboards.dash.variables import Choice
from tests.dashboards import parts
from tests.dashboards.parts import BOARD


def drawn() -> Any:
    return as_json(BOARD)


def panel(title: str) -> Any:
    (found,) = (one for one in every(drawn()) if one["title"] == title)
    return found


def every(dashboard: Any) -> Iterator[Any]:
    """The panels, those of collapsed rows too."""
    for one in dashboard["panels"]:
        yield one
        yield from one.get("panels", ())


def nulls(value: object) -> int:
    match value:
        case None:
            return 1
        case dict():
            return sum(nulls(within) for within in value.values())
        case list():
            return sum(nulls(within) for within in value)
    return 0


def test_the_text_is_the_same_each_time_and_ends_in_a_newline() -> None:
    assert text(BOARD) == text(BOARD)
    assert text(BOARD).endswith("}\n")
    keys = list(json.loads(text(BOARD)))
    assert keys == sorted(keys)


def test_the_dashboard_itself() -> None:
    made = drawn()
    assert {key: made[key] for key in ("uid", "schemaVersion", "editable", "timezone", "graphTooltip", "tags")} == {
        "uid": "chatprobe-latency",
        "schemaVersion": 39,
        "editable": False,
        "timezone": "browser",
        "graphTooltip": 1,
        "tags": ["chatprobe"],
    }
    assert nulls(made) == 0


def test_an_open_row_is_followed_by_its_panels_and_a_collapsed_one_holds_them() -> None:
    assert [(one["type"], one["title"], one["gridPos"]["x"], one["gridPos"]["y"]) for one in every(drawn())] == [
        ("row", "Open", 0, 0),
        ("timeseries", "Lines", 0, 1),
        ("heatmap", "Heat", 12, 1),
        ("table", "Table", 0, 9),
        ("row", "Closed", 0, 17),
        ("state-timeline", "State", 0, 18),
        ("stat", "Stat", 8, 18),
        ("bargauge", "Bars", 16, 18),
        ("row", "Last", 0, 18),
        ("text", "Note", 0, 19),
    ]
    assert [len(one.get("panels", ())) for one in drawn()["panels"] if one["type"] == "row"] == [0, 3, 0]


def test_a_panel_keeps_its_id_when_another_is_put_before_it() -> None:
    first, *others = BOARD.rows
    more = replace(BOARD, rows=(Row("New", (replace(parts.STAT, title="New stat"),)), first, *others))
    assert {one["title"]: one["id"] for one in every(drawn())}.items() <= {one["title"]: one["id"] for one in every(as_json(more))}.items()
    assert panel_id(BOARD, "Lines") == panel("Lines")["id"]


def test_two_panels_with_one_title_are_refused() -> None:
    twice = replace(BOARD, rows=(Row("Row", (parts.STAT, parts.STAT)),))
    with pytest.raises(ValueError, match=r"^chatprobe-latency: the id of 'Stat' is that of 'Stat'; give one of them another title$"):
        as_json(twice)


def test_a_kind_of_panel_that_nobody_draws_is_refused() -> None:
    strange = replace(BOARD, rows=(Row("Row", (Panel(title="Odd", description=""),)),))
    with pytest.raises(TypeError, match=r"^Odd: a panel of the kind Panel cannot be drawn; say in `bodies` what it is in Grafana$"):
        as_json(strange)


def test_queries_come_as_their_panel_needs_them() -> None:
    asked = {
        title: [(target["refId"], target["format"], target["range"], target["instant"], target["exemplar"]) for target in panel(title)["targets"]]
        for title in ("Lines", "Heat", "Table", "Stat")
    }
    assert asked == {
        "Lines": [("A", "time_series", True, False, False), ("slo", "time_series", True, False, False)],
        "Heat": [("A", "heatmap", True, False, True)],
        "Table": [("chats", "table", False, True, False), ("failures", "table", False, True, False)],
        "Stat": [("A", "time_series", False, True, False)],
    }
    assert [target.get("interval") for target in panel("Lines")["targets"]] == [None, "1m"]


def test_a_heatmap_takes_the_buckets_as_they_are() -> None:
    assert panel("Heat")["options"]["calculate"] is False
    assert panel("Heat")["options"]["yAxis"]["unit"] == "s"


def test_the_first_threshold_has_no_value() -> None:
    steps = panel("Lines")["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert steps == [{"color": "green"}, {"color": "yellow", "value": 0.1}, {"color": "red", "value": 0.5}]
    assert panel("Lines")["fieldConfig"]["defaults"]["color"] == {"mode": "palette-classic"}


def test_a_panel_without_thresholds_has_none_that_grafana_makes_up() -> None:
    assert panel("Heat")["fieldConfig"]["defaults"]["thresholds"]["steps"] == [{"color": "text"}]


def test_an_override_says_what_is_different_and_nothing_else() -> None:
    (override,) = panel("Lines")["fieldConfig"]["overrides"]
    assert override["matcher"] == {"id": "byName", "options": "SLO"}
    properties = {one["id"]: one["value"] for one in override["properties"]}
    assert properties["custom.lineStyle"] == {"fill": "dash", "dash": [8, 6]}
    assert properties["color"] == {"mode": "fixed", "fixedColor": "red"}
    (target, failed, chats) = panel("Table")["fieldConfig"]["overrides"]
    assert [one["id"] for one in target["properties"]] == ["unit", "custom.width", "links"]
    assert failed["properties"][-1] == {"id": "custom.cellOptions", "value": {"type": "color-background", "mode": "basic"}}
    assert chats["matcher"]["options"] == "Chats"


def test_a_table_has_its_columns_in_order_and_nothing_else() -> None:
    merge, chosen, organized = panel("Table")["transformations"]
    assert merge["id"] == "merge"
    assert chosen["options"]["include"]["names"] == ["target", "Value #failures", "Value #chats"]
    assert organized["options"]["indexByName"] == {"target": 0, "Value #failures": 1, "Value #chats": 2}
    assert organized["options"]["renameByName"] == {"target": "Target", "Value #failures": "Failed", "Value #chats": "Chats"}


def test_the_values_of_a_single_query_have_its_name_nowhere() -> None:
    alone = replace(parts.TABLE, queries=parts.TABLE.queries[:1], columns=parts.TABLE.columns[2:])
    made: Any = as_json(replace(BOARD, rows=(Row("Row", (alone,)),)))
    assert made["panels"][1]["transformations"][1]["options"]["include"]["names"] == ["Value"]


def test_mappings() -> None:
    assert panel("State")["fieldConfig"]["defaults"]["mappings"] == [
        {"type": "value", "options": {"1": {"text": "up", "color": "green", "index": 0}}},
        {"type": "range", "options": {"from": -1, "to": 0.5, "result": {"text": "down", "color": "red", "index": 1}}},
        {"type": "special", "options": {"match": "null+nan", "result": {"text": "?", "color": "#8e8e8e", "index": 2}}},
    ]


def test_why_a_panel_may_be_empty_joins_its_description() -> None:
    assert panel("Lines")["description"] == "How to read it.\n\nMay be empty: nobody chats."


def test_links_keep_the_variables_and_set_those_that_are_given() -> None:
    assert Link("Why", Dashboard.WHY, (("target", label("target")), ("slo", "chat"))).url == (
        "/d/chatprobe-why?${datasource:queryparam}&${job:queryparam}&${instance:queryparam}&${backend:queryparam}"
        "&var-target=${__field.labels.target}&${model:queryparam}&${scenario:queryparam}&var-slo=chat&${__url_time_range}"
    )
    assert cell("Target") == '${__data.fields["Target"]}'


def test_variables_are_what_every_dashboard_has() -> None:
    data_source, job, instance, *_, tokens = drawn()["templating"]["list"]
    assert (data_source["name"], data_source["type"], data_source["label"]) == ("datasource", "datasource", "Data source")
    for variable, of, named in ((job, "job", "Job"), (instance, "instance", "Instance")):
        assert (variable["name"], variable["label"], variable["type"], variable["multi"], variable["allValue"], variable["refresh"]) == (
            of, named, "query", True, ".+", 2
        )  # fmt: skip
        assert variable["datasource"]["uid"] == "${datasource}"
    assert tokens["query"] == "few : 8, many : 512"
    assert tokens["current"] == {"text": "many", "value": "512", "selected": True}


def test_a_choice_begins_with_one_of_its_values() -> None:
    with pytest.raises(ValueError, match=r"^n: 3 is none of its values; choose one of 1, 2$"):
        Choice("n", "N", (("one", "1"), ("two", "2")), "3")


def test_thresholds_must_be_in_order() -> None:
    with pytest.raises(ValueError, match=r"^thresholds \[2, 1\] are not in order; each must be above the one before it$"):
        Thresholds(Colour.GREEN, ((2, Colour.YELLOW), (1, Colour.RED)))


def test_two_queries_with_one_ref_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^Twice: two queries have the same ref, of B, B; each needs one of its own$"):
        TimeSeries(title="Twice", description="", unit=Unit.SECONDS, queries=(Query("1", ref="B"), Query("2")))
