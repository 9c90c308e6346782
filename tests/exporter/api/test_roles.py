"""Who may do what in the API."""

from __future__ import annotations

import httpx

from config.model import Config
from config.reader import parse
from tests.exporter.running import running


def readable(url: str) -> Config:
    return parse(f"""
    web: {{listen: "127.0.0.1:0", anonymous: read, probe: true}}
    targets: {{vllm: {{backend: vllm, url: "{url}"}}}}
    scenarios: {{rare: {{every: 1h, prompt: {{text: Hello}}}}}}
    """).config


def test_who_may_read_spends_no_tokens_and_changes_nothing() -> None:
    with running(readable) as exporter, httpx.Client(base_url=exporter.url, timeout=60) as client:
        for path in ("targets", "records", "summary", "slos", "pairs", "runs", "openapi.json"):
            assert client.get(f"/api/v1/{path}").status_code == 200
        for method, path, body in (("POST", "probes", {"target": "vllm"}), ("POST", "runs", {}), ("DELETE", "runs/1", None)):
            refused = client.request(method, f"/api/v1/{path}", json=body)
            assert refused.status_code == 403
            assert refused.headers["Content-Type"] == "application/problem+json"
            assert "operate" in refused.json()["detail"]
        assert client.get("/probe?target=vllm").status_code == 200, "which is what web.probe is for"


def test_who_shows_nothing_where_something_is_to_be_shown() -> None:
    def closed(url: str) -> Config:
        config = readable(url)
        return config.model_copy(update={"web": config.web.model_copy(update={"anonymous": "none"})})

    with running(closed) as exporter:
        for path in ("/api/v1/targets", "/api/v1/openapi.json", "/probe?target=vllm"):
            assert httpx.get(f"{exporter.url}{path}").status_code == 401
        assert httpx.get(f"{exporter.url}/api/v1/targets").headers["Content-Type"] == "application/problem+json"
