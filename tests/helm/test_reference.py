"""What is made of the charts' values."""

from __future__ import annotations

import json

import pytest

from helm.reference.build import HELM, build
from helm.reference.kinds import schema
from helm.reference.page import MARK, PageError, page
from helm.reference.schema import schema as whole_schema
from helm.reference.values import Section, ValuesError, flat, read

WRITTEN = """\
global:
  # -- (string) One model for all.
  model: ""
image:
  # -- (string) Where it is,
  # and from whom.
  repository: a/b

  # -- (int|null) How many.
  count: null
# -- (auto|true|false) Whether | at all.
wanted: auto
# -- (object) As in a pod.
resources:
  limits: {memory: 1Gi}
"""


def test_what_is_checked_in_is_made_of_the_values() -> None:
    assert [str(path.relative_to(HELM)) for path, text in build().items() if not path.exists() or path.read_text() != text] == [], (
        "stale: make generated"
    )


def test_values_are_read_with_what_is_written_above_them() -> None:
    values = {".".join(value.path): (value.kind, value.text, value.default) for value in flat(read(WRITTEN))}
    assert values == {
        "global.model": ("string", "One model for all.", ""),
        "image.repository": ("string", "Where it is, and from whom.", "a/b"),
        "image.count": ("int|null", "How many.", None),
        "wanted": ("auto|true|false", "Whether | at all.", "auto"),
        "resources": ("object", "As in a pod.", {"limits": {"memory": "1Gi"}}),
    }


def test_a_value_without_a_description_is_an_error() -> None:
    with pytest.raises(ValuesError) as failure:
        read("image:\n  # Where it is.\n  repository: a/b\n")
    assert str(failure.value) == "values.yaml:3: image.repository: it is not described; a comment before it: # -- (KIND) what it is"
    with pytest.raises(ValuesError) as failure:
        read("[]")
    assert str(failure.value) == "values.yaml holds no mapping; values by their names"


def test_a_section_takes_no_other_keys_unless_it_is_open() -> None:
    closed = json.loads(whole_schema(read(WRITTEN), subcharts=("engine",)))
    assert closed["additionalProperties"] is False
    assert closed["properties"]["image"]["additionalProperties"] is False
    assert closed["properties"]["engine"] == {"type": "object"}
    opened = json.loads(whole_schema(read("# -- (open) Of all charts.\n" + WRITTEN), subcharts=()))
    assert opened["properties"]["global"]["additionalProperties"] is True


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("bool", {"type": "boolean"}),
        ("int|null", {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}]}),
        ("auto|true|false", {"enum": ["auto", True, False]}),
        ("int|all", {"anyOf": [{"type": "integer", "minimum": 0}, {"enum": ["all"]}]}),
    ],
)
def test_a_kind_says_what_a_value_may_be(kind: str, expected: object) -> None:
    assert schema(kind) == expected


def test_the_page_keeps_what_stands_above_the_mark() -> None:
    values = read(WRITTEN)
    written = page(f"# Chart\n\n{MARK}\nold", values)
    assert written.startswith(f"# Chart\n\n{MARK}\n\n## Values\n")
    assert "old" not in written
    assert "| `wanted` | auto\\|true\\|false | `auto` | Whether \\| at all. |" in written
    assert '| `resources` | object | `{"limits": {"memory": "1Gi"}}` | As in a pod. |' in written
    assert page(written, values) == written
    with pytest.raises(PageError) as failure:
        page("# Chart\n", Section((), False, "", ()))
    assert str(failure.value) == f"README.md has no place for the values; a line {MARK}"
