"""What is written by hand, and lists the engines, lists those of the registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from probes.backends import BACKENDS, names, own_apis
from probes.wording import listed

ROOT = Path(__file__).parents[3]
ENGINES = [backend for backend in BACKENDS.values() if not backend.generic]
NAMES = [engine.name for engine in ENGINES]
PEOPLE_SAY = listed([engine.title for engine in ENGINES])
ASKED = ", ".join(f"`{engine.recognised_at}` ({engine.title})" for engine in ENGINES)


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("README.md", f"It talks to {PEOPLE_SAY} the way"),
        ("helm/chatprobe/values.yaml", f"selector: app in ({','.join(NAMES)})\n"),
        ("helm/chatprobe/values.yaml", f"{{key: app, operator: In, values: [{', '.join(NAMES)}]}}"),
        ("docs/kubernetes.md", f"{ASKED}, `/v1/models` (any other with OpenAI's API)"),
        ("docs/kubernetes.md", f"| `chatprobe.io/backend` | {', '.join(f'`{name}`' for name in names())} |"),
        ("docs/kubernetes.md", f'selector: "app in ({",".join(NAMES)})"'),
        ("docs/records.md", f"| `backend` | {listed([f'`{name}`' for name in names()], 'or')} |"),
        ("docs/runbooks/README.md", f"--backend {'|'.join(names())}`"),
    ],
)
def test_a_list_of_engines(page: str, words: str) -> None:
    """Wherever lines end."""
    assert " ".join(words.split()) in " ".join((ROOT / page).read_text(encoding="utf-8").split())


def test_every_api_of_its_own_is_documented() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    for engine, api, form in own_apis():
        assert f"`{api}` for {engine.title}'s own `{form.path}`" in page
