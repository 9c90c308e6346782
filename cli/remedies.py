"""What to do about a failed chat: one remedy for each reason, which asks for nothing that its engine does not have."""

from __future__ import annotations

import re

from probes import backends
from probes.backends.backend import Backend
from probes.failure import Failure, Reason
from probes.numbers.number import Number
from probes.wording import listed

_REMEDIES = {
    Reason.DNS: "check the host's name in the URL, and that this machine's resolver knows it",
    Reason.CONNECT: "check host and port, that the engine is running there, and that no firewall lies between",
    Reason.TLS: "give the authority that signed the certificate with --ca-file; --insecure shows whether it is the certificate; "
    "where the server speaks no TLS, write http://",
    Reason.AUTH: "give a key that the engine accepts with --api-key-file",
    Reason.MODEL_MISSING: "name a model that the engine serves with --model; without the option the first that it lists is taken",
    Reason.OVERLOADED: "the engine has no room: lower --concurrency{crowd}",
    Reason.UNAVAILABLE: "a router answered in place of the engine: look whether a pod is ready behind it",
    Reason.REJECTED: "check --backend and the URL, and what the engine objects to, which stands above; --omit leaves a field out",
    Reason.SERVER_ERROR: "the engine broke on this request: look at {trail}",
    Reason.MODEL_LOAD: "what the engine says of it stands above: look at its memory and its log, or allow more with --load-timeout",
    Reason.FIRST_TOKEN_TIMEOUT: "the engine queues, loads a model or is stuck: allow more with --first-token-timeout{crowd}",
    Reason.STALLED: "the engine stopped in the middle of an answer: allow more with --stall-timeout{crowd}",
    Reason.TIMEOUT: "the answer is longer than its time: lower --max-tokens, or allow more with --timeout",
    Reason.PROTOCOL: "this is not the stream that --backend sends: check --backend, and what proxies do on the way",
    Reason.ERROR_IN_STREAM: "the engine gave up after its answer had begun: look at {trail}",
    Reason.TRUNCATED: "something cut the connection before the end: look for a crash in the engine's log, and at the idle timeouts of proxies "
    "(a Route's annotation haproxy.router.openshift.io/timeout)",
    Reason.EMPTY: "the model ended its answer at once: try another prompt, and check the model's chat template",
    Reason.VALIDATION: "the answer came, but is not what it should be: --text shows it",
    Reason.INTERNAL: "this is a fault of chatprobe, or of how it was called, not of the engine",
}

GATHERED_REMEDY = (
    "HAProxy: option http-no-delay, or TLS; OpenShift: a Route with edge TLS, or the Service itself; nginx: proxy_buffering off; "
    "anywhere: no compression and no buffering of the answer"
)
"""What to do where something on the way gathers tokens."""


_TOO_LONG = re.compile(r"context[ _](length|window|size)|\binputs?`? (must have|tokens)|prompt is too long", re.IGNORECASE)
"""How engines refuse what does not fit: vLLM, SGLang, llama.cpp and Ollama by the context's name, TGI by its `inputs`."""
_FITS_NOT = (
    "the prompt and its answer are longer than the engine's context: lower --input-tokens or --max-tokens, or give the engine a longer context"
)
_CROWD = {
    Number.REQUESTS_WAITING: "its waiting requests",
    Number.KV_CACHE_USAGE: "its KV cache",
    Number.PREEMPTIONS: "its preemptions",
}
"""What shows that an engine has too much to do, where it tells it."""


def remedy(failure: Failure, backend: str) -> str:
    """What to do about a failed chat with this engine."""
    engine = backends.get(backend)
    if failure.reason is Reason.REJECTED and _TOO_LONG.search(failure.detail):
        return _FITS_NOT
    return failure.remedy or _REMEDIES[failure.reason].format(trail=engine.trail.words(), crowd=_crowd(engine))


def _crowd(engine: Backend) -> str:
    told = [words for number, words in _CROWD.items() if engine.help_of(number)]
    return f", or look at {listed(told)}" if told else ""
