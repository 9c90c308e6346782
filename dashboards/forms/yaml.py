"""YAML with text of several lines as it is, and a header of the dashboards' own."""

from __future__ import annotations

from collections.abc import Mapping

from alerts.forms import yaml

HEADER = "# Written by `chatprobe dashboards build`: change the dashboards, and write it anew.\n"


def dump(document: Mapping[str, object], comment: str = "") -> str:
    """A document with a header that says where it comes from; `comment` is added to it, a line each."""
    return yaml.dump(document, HEADER + "".join(f"# {line}\n" for line in comment.splitlines()))
