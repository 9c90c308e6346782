"""YAML with text of several lines as it is."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

HEADER = "# Written by `chatprobe dashboards build`: change the dashboards, and write it anew.\n"


class _Dumper(yaml.SafeDumper):
    """Block style for text of several lines; no aliases."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def dump(document: Mapping[str, object], comment: str = "") -> str:
    """A document with a header that says where it comes from; `comment` is added to it, a line each."""
    comments = "".join(f"# {line}\n" for line in comment.splitlines())
    return HEADER + comments + yaml.dump(dict(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
