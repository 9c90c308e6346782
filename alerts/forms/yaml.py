"""YAML as people like to read it: keys in the order given, expressions of several lines as they are."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

HEADER = "# Written by `chatprobe alerts build`: change the configuration, and write it anew.\n"


class _Dumper(yaml.SafeDumper):
    """Block style for text of several lines; no aliases."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def dump(document: Mapping[str, object], header: str = HEADER) -> str:
    """A document with a header that says where it comes from."""
    return header + yaml.dump(dict(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
