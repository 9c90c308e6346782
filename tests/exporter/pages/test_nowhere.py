"""What browsers and programs are told where there is nothing, and what pages say of a port that is open to all."""

from __future__ import annotations

import httpx
import pytest

from config.reader import parse
from exporter.web.pages.framing import POLICY
from tests.exporter.pages.stage import three
from tests.exporter.pages.test_served import serving
from tests.exporter.running import running

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
HOSTILE = "/<script>alert(1)</script>"


@pytest.mark.parametrize(("method", "path", "status"), [("GET", HOSTILE, 404), ("POST", "/metrics", 405), ("POST", "/", 405), ("PUT", "/race/", 404)])
async def test_a_browser_gets_a_page_like_the_others_and_a_program_a_line(method: str, path: str, status: int) -> None:
    async with serving(three()) as site:
        async with site.session.request(method, path, headers=BROWSER) as answer:
            assert (answer.status, answer.content_type) == (status, "text/html")
            assert answer.headers["Content-Security-Policy"] == POLICY
            page = await answer.text()
        assert (page.count("<h1"), "<nav" in page, "alert(1)" in page) == (1, True, False)
        for headers in ({}, {"Accept": "application/json"}, {"Accept": "text/html;q=0"}):
            async with site.session.request(method, path, headers=headers) as answer:
                assert (answer.status, answer.content_type) == (status, "text/plain")
                assert answer.headers.get("Allow") == ("GET,HEAD" if status == 405 else None)
                assert await answer.text() == (
                    "Nothing stands at this address.\n" if status == 404 else f"This address takes GET, HEAD, and not {method}.\n"
                )


@pytest.mark.parametrize(("listen", "is_said"), [("0.0.0.0:0", True), ("127.0.0.1:0", False)])
def test_a_port_that_is_open_to_all_is_told_on_the_page_and_the_api_keeps_its_form(listen: str, is_said: bool) -> None:
    settings = 'web: {{listen: "{listen}"}}\ntargets: {{one: {{backend: vllm, url: "{url}"}}}}\nscenarios: {{chat: {{every: 1h}}}}\n'
    with running(lambda url: parse(settings.format(listen=listen, url=url)).config) as exporter:
        url = httpx.URL(exporter.url).copy_with(host="127.0.0.1")
        for path in ("/", "/health"):
            assert ("The port is open to whoever can reach it" in httpx.get(url.join(path)).text) is is_said
        for path, method, status in (("/api/v1/nowhere", "GET", 404), ("/api/v1/targets", "PUT", 405)):
            answer = httpx.request(method, url.join(path), headers=BROWSER)
            assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
