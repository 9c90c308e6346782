"""Lists of engines as they stand in messages, so that what is expected of a message follows the registry."""

from __future__ import annotations

from probes import backends
from probes.backends import names, titles
from probes.wording import listed


def filled(text: str) -> str:
    """The text with its lists: `{backends}` are all of them, `{other backends}` those behind the first, `{selector}` is the
    default of discovery; the others are how people write the engines which can do something.
    """
    first, *others = names()
    found = {
        "backends": listed([first, *others], "or"),
        "other backends": ", ".join(others),
        "selector": f"app in ({','.join(name for name in names() if not backends.BACKENDS[name].generic)})",
        "exact": listed(titles(lambda backend: backend.exact_length)),
        "thinking": listed(titles(lambda backend: backend.thinking)),
        "metrics": listed(titles(lambda backend: backend.metrics)),
    }
    for name, words in found.items():
        text = text.replace(f"{{{name}}}", words)
    return text
