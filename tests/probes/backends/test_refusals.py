"""What each adapter makes of an answer that is no stream: by its status, its words, and whoever on the way wrote it."""

import time
from collections.abc import Callable

import pytest

from probes.backends import form
from probes.backends.base import Refusal, WireForm
from probes.backends.refusal import redirected
from probes.failure import Reason
from tests.probes.backends.test_every_backend import each_backend

ReadBody = Callable[[str], bytes]


@each_backend
@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (100, Reason.PROTOCOL),
        (200, Reason.PROTOCOL),
        (204, Reason.PROTOCOL),
        (302, Reason.REJECTED),
        (401, Reason.AUTH),
        (407, Reason.AUTH),
        (413, Reason.REJECTED),
        (429, Reason.OVERLOADED),
        (500, Reason.SERVER_ERROR),
        (501, Reason.SERVER_ERROR),
        (502, Reason.UNAVAILABLE),
        (503, Reason.UNAVAILABLE),
        (504, Reason.UNAVAILABLE),
        (700, Reason.PROTOCOL),
    ],
)
def test_a_status_without_a_body(backend: WireForm, status: int, reason: Reason) -> None:
    assert backend.refuse(status, b"") == Refusal(reason, f"HTTP {status}, empty body")


@each_backend
def test_a_403_with_words_is_a_matter_of_keys(backend: WireForm) -> None:
    assert backend.refuse(403, b"RBAC: access denied") == Refusal(Reason.AUTH, "RBAC: access denied")


@each_backend
def test_a_routers_503_is_not_the_engines(backend: WireForm, body_of: ReadBody) -> None:
    assert backend.refuse(503, body_of("503-router.html")) == Refusal(Reason.UNAVAILABLE, "503 Service Temporarily Unavailable")
    assert backend.refuse(503, body_of("503-openshift.html")) == Refusal(Reason.UNAVAILABLE, "Application is not available")
    assert backend.refuse(503, b"no healthy upstream") == Refusal(Reason.UNAVAILABLE, "no healthy upstream")


@each_backend
@pytest.mark.parametrize(
    ("status", "body", "refusal"),
    [
        (404, b'{"object":"error","message":"no such model","type":"NotFoundError","code":404}', Refusal(Reason.MODEL_MISSING, "no such model")),
        (404, b'{"message":"The model x does not exist"}', Refusal(Reason.MODEL_MISSING, "The model x does not exist")),
        (404, b'{"error":"Invalid request URL"}', Refusal(Reason.REJECTED, "Invalid request URL")),
        (404, b'{"message":"no Route matched with those values"}', Refusal(Reason.REJECTED, "no Route matched with those values")),
        (404, b'{"detail":"Not Found"}', Refusal(Reason.REJECTED, "Not Found")),
        (400, b'{"error":{"message":"x","code":"model_not_found"}}', Refusal(Reason.MODEL_MISSING, "x")),
        (400, b'{"error":{"message":"API key not valid.","status":"INVALID_ARGUMENT"}}', Refusal(Reason.AUTH, "API key not valid.")),
        (400, b'[{"error":{"message":"x","status":"RESOURCE_EXHAUSTED"}}]', Refusal(Reason.OVERLOADED, "x")),
        (402, b'{"error":{"message":"Insufficient Balance"}}', Refusal(Reason.OVERLOADED, "Insufficient Balance")),
        (403, b'{"error":{"message":"x","code":"model_not_found"}}', Refusal(Reason.AUTH, "x")),
        (500, b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', Refusal(Reason.OVERLOADED, "Overloaded")),
        (503, b'{"error":{"message":"Loading model","type":"unavailable_error","code":503}}', Refusal(Reason.UNAVAILABLE, "Loading model")),
        (
            503,
            b'{"message":"failure to get a peer from the ring-balancer"}',
            Refusal(Reason.UNAVAILABLE, "failure to get a peer from the ring-balancer"),
        ),
        (502, b'{"error":{"message":"x"}}', Refusal(Reason.UNAVAILABLE, "x")),
        (503, b'{"error":"Model with name m is not ready."}', Refusal(Reason.UNAVAILABLE, "Model with name m is not ready.")),
        (503, b'{"error":"no workers available"}', Refusal(Reason.UNAVAILABLE, "no workers available")),
        (503, b'{"error":"Engine is initializing"}', Refusal(Reason.UNAVAILABLE, "Engine is initializing")),
        (503, b'{"error":"the queue is full: m is not ready"}', Refusal(Reason.OVERLOADED, "the queue is full: m is not ready")),
        (503, b'{"error":{"message":"no channel","code":"model_not_found"}}', Refusal(Reason.MODEL_MISSING, "no channel")),
        (400, b'{"error":{"message":"No models loaded.","param":"model"}}', Refusal(Reason.MODEL_MISSING, "No models loaded.")),
        (412, b'{"error":{"message":"Budget limit reached"}}', Refusal(Reason.OVERLOADED, "Budget limit reached")),
        (
            422,
            b'{"detail":[{"loc":["body","seed"],"msg":"Extra inputs are not permitted"}]}',
            Refusal(Reason.REJECTED, "body.seed: Extra inputs are not permitted"),
        ),
    ],
)
def test_each_form_of_an_error_is_the_engines_own(backend: WireForm, status: int, body: bytes, refusal: Refusal) -> None:
    assert backend.refuse(status, body) == refusal


@each_backend
@pytest.mark.parametrize(
    ("status", "body", "refusal"),
    [
        (404, b"Model not found: x", Refusal(Reason.MODEL_MISSING, "Model not found: x")),
        (
            404,
            b"<html><title>404: Model with name x does not exist.</title></html>",
            Refusal(Reason.MODEL_MISSING, "404: Model with name x does not exist."),
        ),
        (404, b"It is likely that the model is not configured", Refusal(Reason.MODEL_MISSING, "It is likely that the model is not configured")),
        (404, b"404 page not found", Refusal(Reason.REJECTED, "404 page not found")),
        (502, b"the model was not found", Refusal(Reason.UNAVAILABLE, "the model was not found")),
        (503, b"Request dropped due to backpressure", Refusal(Reason.OVERLOADED, "Request dropped due to backpressure")),
        (503, b"activator request timeout", Refusal(Reason.UNAVAILABLE, "activator request timeout")),
        (401, b"quota", Refusal(Reason.AUTH, "quota")),
        (404, b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "x">\n<title>404 - Not Found</title>', Refusal(Reason.REJECTED, "404 - Not Found")),
        (502, b"<!-- made by a proxy -->\n<html><title>Bad gateway</title>", Refusal(Reason.UNAVAILABLE, "Bad gateway")),
    ],
)
def test_a_text_or_a_page_tells_an_unknown_model_and_a_full_queue(backend: WireForm, status: int, body: bytes, refusal: Refusal) -> None:
    assert backend.refuse(status, body) == refusal


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, b'{"error":{"message":"x","type":"' + b"model" * 200_000 + b'"}}'),
        (400, b'{"error":{"message":"' + b"model insufficient_ " * 50_000 + b'"}}'),
        (502, b"<html>" + b"<title " * 100_000),
        (502, b"<html>" + b"<title>" * 100_000),
        (502, b"<!--" * 100_000),
        (502, b"<!-- -->" * 100_000),
    ],
    ids=["type", "words", "open titles", "titles", "open comments", "comments"],
)
def test_an_error_of_any_length_holds_nobody(status: int, body: bytes) -> None:
    """Each of them took minutes of a processor where patterns were looked for in all of it."""
    began = time.process_time()
    assert form("vllm").refuse(status, body).detail
    assert time.process_time() - began < 5


@each_backend
def test_a_404_from_elsewhere_says_nothing_of_the_model(backend: WireForm) -> None:
    assert backend.refuse(404, b"default backend - 404").reason is Reason.REJECTED


def test_an_html_title_is_read_as_text() -> None:
    page = b"<!DOCTYPE html><HTML><head><TITLE lang=en>\n Bad &amp; gone </TITLE></head></HTML>"
    assert form("vllm").refuse(502, page).detail == "Bad & gone"


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ("https://llm.example.test/v1/chat/completions", "https://llm.example.test/v1/chat/completions"),
        ("https://u:pw@llm.example.test:8443/a?token=s3cret#frag", "https://llm.example.test:8443/a (without its query)"),
        ("/login?next=%2Fv1", "/login (without its query)"),
        ("//llm.example.test/v1", "//llm.example.test/v1"),
        ("http://[half", "a place that is no URL"),
        ("https://host:port/", "a place that is no URL"),
    ],
)
def test_a_redirect_says_where_to_and_no_secrets(location: str, place: str) -> None:
    assert redirected(302, location) == Refusal(Reason.REJECTED, f"HTTP 302, a redirect to {place}, which is never followed")
