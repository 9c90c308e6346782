"""What to do about a failed chat: one remedy for each reason."""

from __future__ import annotations

from probes.failure import Reason

_REMEDIES = {
    Reason.DNS: "check the host's name in the URL, and that this machine's resolver knows it",
    Reason.CONNECT: "check host and port, that the engine is running there, and that no firewall lies between",
    Reason.TLS: "give the authority that signed the certificate with --ca-file; --insecure shows whether it is the certificate",
    Reason.AUTH: "give a key that the engine accepts with --api-key-file",
    Reason.MODEL_MISSING: "name a model that the engine serves with --model; without the option the first that it lists is taken",
    Reason.OVERLOADED: "the engine has no room: lower --concurrency, or look at its queue and its KV cache",
    Reason.UNAVAILABLE: "a router answered in place of the engine: look whether a pod is ready behind it",
    Reason.REJECTED: "check --backend and the URL, and what the engine objects to, which stands above; --omit leaves a field out",
    Reason.SERVER_ERROR: "the engine broke on this request: search its log for the request id",
    Reason.MODEL_LOAD: "what the engine says of it stands above: look at its memory and its log, or allow more with --load-timeout",
    Reason.FIRST_TOKEN_TIMEOUT: "the engine queues, loads a model or is stuck: see its waiting requests, or allow more with --first-token-timeout",
    Reason.STALLED: "the engine stopped in the middle of an answer: look for preemption or a full KV cache, or allow more with --stall-timeout",
    Reason.TIMEOUT: "the answer is longer than its time: lower --max-tokens, or allow more with --timeout",
    Reason.PROTOCOL: "this is not the stream that --backend sends: check --backend, and what proxies do on the way",
    Reason.ERROR_IN_STREAM: "the engine gave up after its answer had begun: search its log for the request id",
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


def remedy(reason: Reason) -> str:
    return _REMEDIES[reason]
