"""YAML as people like to read it: keys in the order given, expressions of several lines as they are."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

try:
    from yaml import CSafeDumper as _SafeDumper
except ImportError:  # PyYAML was built without libyaml, which writes the same many times faster
    from yaml import SafeDumper as _SafeDumper  # type: ignore[assignment]

HEADER = "# Written by `chatprobe alerts build`: change the configuration, and write it anew.\n"


class _Dumper(_SafeDumper):
    """Block style for text of several lines; no aliases."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: _SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def dump(document: Mapping[str, object], header: str = HEADER) -> str:
    """A document with a header that says where it comes from."""
    return header + yaml.dump(dict(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
