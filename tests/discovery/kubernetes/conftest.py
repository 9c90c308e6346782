"""A cluster whose API answers on a real socket, and configurations that look into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.model import Config
from config.reader import parse
from discovery.kubernetes import api as client
from discovery.kubernetes import following
from tests.cluster import api
from tests.cluster.objects import NAMESPACE

Configured = Callable[..., Config]


@pytest.fixture
def cluster() -> api.Cluster:
    return api.Cluster()


@pytest.fixture
def kubeconfig(cluster: api.Cluster, tmp_path: Path) -> Iterator[Path]:
    with api.serving(cluster) as url:
        yield api.kubeconfig(tmp_path, url)


@pytest.fixture
def configured(kubeconfig: Path, tmp_path: Path) -> Configured:
    """A configuration that looks into the cluster; `more` stands at the left margin, `settings` beside the namespaces."""

    def made(more: str = "", settings: str = "", namespaces: str = NAMESPACE) -> Config:
        text = f"""
discovery: {{kubernetes: {{namespaces: [{namespaces}], kubeconfig: "{kubeconfig}"{settings}}}}}
scenarios: {{beat: {{every: 15s}}}}
{more}
"""
        return parse(text, str(tmp_path / "chatprobe.yaml")).config

    return made


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes its time takes less of it."""
    monkeypatch.setattr(client, "READ_SECONDS", 0.5)
    monkeypatch.setattr(client, "ANSWER_SECONDS", 1.0)
    monkeypatch.setattr(client, "SILENCE_SECONDS", 1.0)
    monkeypatch.setattr(following, "FORBIDDEN_SECONDS", 0.3)
    monkeypatch.setattr(following, "FIRST_PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(following, "LONGEST_PAUSE_SECONDS", 0.2)
