"""Why a chat failed: each reason of the closed list, with what it can be and what to do."""

from __future__ import annotations

from collections.abc import Mapping

from catalogue.troubles.trouble import Cause, Trouble
from probes.failure import Reason

_OF_FAILURES = (
    Trouble(
        Reason.DNS,
        "the host's name could not be resolved in time, or at all",
        "no phase but `resolve` has a time; the detail has the resolver's words, like `Name or service not known`",
        (
            Cause(
                "the name in the URL is wrong, or the Service, Route or record is gone", "correct `targets.NAME.url`; `getent hosts HOST` tries it"
            ),
            Cause(
                "the resolver of chatprobe's machine or pod does not know it, though yours does",
                "run `chatprobe probe URL` where chatprobe runs; look at `/etc/resolv.conf` and at the cluster's DNS",
            ),
            Cause("the resolver takes longer than 5 s", "look for one of its name servers that does not answer"),
        ),
    ),
    Trouble(
        Reason.CONNECT,
        "no connection: refused, unreachable, too slow, or a proxy that would not open the tunnel",
        "`Connection refused` at once; or nothing for 5 s, where something drops the packets",
        (
            Cause(
                "the engine does not run, or still loads its model: vLLM and TGI listen only when they have it",
                "look at its process or pod and at its log: no memory, no GPU, a model that cannot be downloaded",
            ),
            Cause(
                "it listens elsewhere: Ollama on 127.0.0.1 alone, unless `OLLAMA_HOST` says otherwise", "correct its address, or the port in the URL"
            ),
            Cause("a firewall or a NetworkPolicy lies between", "allow chatprobe's host or namespace to reach the engine's port"),
            Cause("the URL is `https`, and `HTTPS_PROXY` names a proxy that does not lead there", "name the engine's host in `NO_PROXY`"),
        ),
    ),
    Trouble(
        Reason.TLS,
        "the handshake failed or took too long, or a certificate was not accepted",
        "the detail has OpenSSL's words, like `certificate verify failed`; `chatprobe probe URL --insecure` gets through if it is the certificate",
        (
            Cause("an authority of your own signed the certificate", "name it: `targets.NAME.tls.ca_file`, or `--ca-file`"),
            Cause("the certificate has ended", "renew it; `chatprobe_tls_certificate_expiry_timestamp_seconds` warns before"),
            Cause("the certificate is of another name than that in the URL", "use its name in the URL, or give it as `tls.server_name`"),
            Cause("the engine speaks plain HTTP at that port", "write `http://` in the URL"),
            Cause("the server asks for a certificate of the client", "`tls.cert_file` and `tls.key_file`"),
        ),
    ),
    Trouble(
        Reason.AUTH,
        "the engine, or what stands before it, refused the key: status 401, 403 or 407",
        "each chat fails within milliseconds",
        (
            Cause("there is no key, or an old one", "`targets.NAME.api_key: {file: FILE}`; the file is read anew by itself when it changes"),
            Cause("the key may not use this model", "ask whoever gives out the keys, or name another `model`"),
            Cause(
                "407: a proxy on the way wants to know who you are", "put its user and password into the proxy's URL, or name the host in `NO_PROXY`"
            ),
        ),
    ),
    Trouble(
        Reason.MODEL_MISSING,
        "the engine answers, and says that it does not know the model",
        "404 in the engine's own form, with the model's name in its words",
        (
            Cause(
                "it serves the model under another name",
                "`GET /v1/models` (Ollama: `/api/tags`) lists the names: write one as `targets.NAME.model`, or leave `model` out to take the first",
            ),
            Cause("Ollama has not pulled it, or lost its volume", "`ollama pull MODEL`"),
            Cause("a LoRA adapter is not loaded", "load it; the engine's log at its start says why it was not"),
            Cause(
                "the URL leads to another engine now",
                "look at `backend_version` of `chatprobe_target_info`; correct the Service, the Route or the name",
            ),
        ),
    ),
    Trouble(
        Reason.OVERLOADED,
        "the engine turned the chat away because it has too much to do, or a quota is used up: "
        "402, 429, 529, 503 in its own form, or its words inside a stream",
        "some chats fail within milliseconds while others are served; the more load, the more of them",
        (
            Cause(
                "its queue is full: vLLM `--max-num-queued-reqs`, TGI `--max-concurrent-requests`, Ollama `OLLAMA_MAX_QUEUE`",
                "fewer users, more replicas, or a longer queue, which makes people wait instead",
            ),
            Cause("chatprobe itself asks for too much", "lower `users` or `rate`, or `limits.streams_per_target`"),
            Cause("a gateway's quota for this key is used up", "raise the quota, or probe less often"),
        ),
    ),
    Trouble(
        Reason.UNAVAILABLE,
        "something before the engine answered in its place, with 502, 503 or 504 (Cloudflare: 520 to 524); or a llama.cpp that loads its model",
        "a page of HTML in the detail, as of a router; each chat fails within milliseconds, or all after the same time (504)",
        (
            Cause("no pod is ready behind the router", "look at the readiness probe, the Service's selector and its endpoints"),
            Cause(
                "504: the router's patience is shorter than the engine's queue",
                "a longer timeout of the Route, Ingress or proxy; then see why it queues",
            ),
            Cause("llama.cpp loads its model", "wait: it says `Loading model`"),
        ),
    ),
    Trouble(
        Reason.REJECTED,
        "the engine refused what was asked: another 4xx, or a redirect, which is never followed",
        "each chat of the scenario fails within milliseconds; the detail has what the engine objects to",
        (
            Cause(
                "the prompt and its answer are longer than the engine's context",
                "a shorter prompt, lower `max_tokens`, or a longer context (vLLM `--max-model-len`, TGI `--max-total-tokens`, Ollama `num_ctx`)",
            ),
            Cause(
                "it does not know a field of the request", "`targets.NAME.omit: [FIELD]`, or `--omit FIELD`; what can be spared is left out by itself"
            ),
            Cause("the URL leads to something else, or has a path too much", "the URL is that of the server, without `/v1`; elsewhere `chat_path`"),
            Cause("it is another engine than `backend` says", "correct `backend`; `chatprobe probe URL` without `--backend` finds out"),
            Cause("a redirect, as from `http` to `https`", "write the URL that it leads to"),
            Cause(
                "Ollama's empty 403: it listens on a loopback address, and is asked by a name that is not local",
                "let it listen on another address (`OLLAMA_HOST`), or use `localhost` in the URL",
            ),
        ),
    ),
    Trouble(
        Reason.SERVER_ERROR,
        "the engine broke on this request before its first token: 500, or TGI's words for it inside a 200",
        "the detail has the engine's words; the same prompt fails again, or all fail from one moment on",
        (
            Cause("its process is dying or out of GPU memory", "read its log at that time; restart it, and keep the log"),
            Cause("one kind of request breaks it", "compare with a scenario that succeeds; report it to the engine's makers with the request"),
        ),
    ),
    Trouble(
        Reason.MODEL_LOAD,
        "the engine was to load the model before the chat, and could not, or not in time: the chat was not sent",
        "`chatprobe_model_load_failures_total` grows; the log and the detail have the engine's words",
        (
            Cause("there is not enough memory", "stop what else uses the GPU; a smaller model or `num_ctx`"),
            Cause("it takes longer than it may", "a longer `targets.NAME.load_timeout`, or `--load-timeout`: a load that is given up is thrown away"),
            Cause("the file is broken, or too new for this Ollama", "`ollama pull MODEL`, or a newer Ollama"),
            Cause("a proxy ends the request, each time after the same time", "its timeout must be longer than the load"),
        ),
    ),
    Trouble(
        Reason.FIRST_TOKEN_TIMEOUT,
        "the request was taken, and no token came in time (30 s unless `first_token_timeout` says otherwise)",
        "the chat takes exactly that long; TTFT has a heap at the timeout",
        (
            Cause(
                "more is asked than it can do: `chatprobe_native_requests_waiting` is above 0, and tokens are generated",
                "fewer users, more replicas; a longer `first_token_timeout` only makes people wait",
            ),
            Cause("it hangs: nothing is generated though requests run, and `/health` says 200", "restart it, and keep its log"),
            Cause("Ollama loads the model for the chat, and loads longer than the chat waits", "keep the model in memory: `OLLAMA_KEEP_ALIVE=-1`"),
            Cause("the prompt is long, and the engine slow", "a longer `first_token_timeout` of this scenario"),
        ),
    ),
    Trouble(
        Reason.STALLED,
        "an answer began, and then no token came for too long (10 s unless `stall_timeout` says otherwise)",
        "the text stops in mid-sentence; the connection stays open",
        (
            Cause(
                "the engine puts requests back and computes them again",
                "look at `chatprobe_native_preemptions_total`: more KV cache, or a smaller batch",
            ),
            Cause("long prompts of others hold the batch", "vLLM: lower `--max-num-batched-tokens`; TGI: lower `--max-batch-prefill-tokens`"),
            Cause("the engine hangs or is being stopped", "its log at that time"),
            Cause("it pauses by design, as a model that calls tools, or on a CPU", "a longer `stall_timeout` of this scenario"),
        ),
    ),
    Trouble(
        Reason.TIMEOUT,
        "the whole chat took too long (120 s unless `timeout` says otherwise), though tokens kept coming",
        "the chat takes exactly that long, and has tokens until its end",
        (
            Cause("the answer is longer than its time", "lower `max_tokens`, or a longer `timeout` of this scenario"),
            Cause("each token comes later than it used to", "look at TPOT and at how many requests run at once"),
        ),
    ),
    Trouble(
        Reason.PROTOCOL,
        "a good status, and then not the stream that was asked for: another content type, a frame that cannot be read, an endless line",
        "the detail says what came in its place, like `content type text/html where text/event-stream was asked for`",
        (
            Cause("the URL leads to a page, a login or another API", "open it in a browser; correct the URL or `chat_path`"),
            Cause("it is another engine than `backend` says", "`chatprobe probe URL` without `--backend` finds out"),
            Cause(
                "a proxy or gateway changes the answer on the way",
                "try past it; no transformation of `text/event-stream` and `application/x-ndjson` there",
            ),
        ),
    ),
    Trouble(
        Reason.ERROR_IN_STREAM,
        "an error after a token had come, or a finish reason that is no end of an answer",
        "the answer begins, and ends in the engine's words for an error, or in a `finish_reason` like `abort`",
        (
            Cause("the engine failed while it generated", "its log or trace at that time; TGI's `/health` then runs a real prefill"),
            Cause(
                "vLLM gave the request up: `abort`, by a pause or sleep of the engine",
                "see who paused it; look at `vllm:request_success_total` by `finished_reason`",
            ),
            Cause("a gateway's filter of answers stepped in", "its log; another prompt"),
        ),
    ),
    Trouble(
        Reason.TRUNCATED,
        "the connection or the stream ended, cleanly or by a reset, without the answer's end being told",
        "the text stops in mid-sentence and the connection is closed; the detail says how long it had been silent before, if it had",
        (
            Cause(
                "a router's idle timeout: always after the same silence, and only through it",
                "OpenShift: `haproxy.router.openshift.io/timeout` of the Route; nginx: `proxy_read_timeout`; then see why it was silent",
            ),
            Cause(
                "a proxy bounds the whole answer: always after the same time in all", "Envoy, Istio and Gateway API: a longer `timeout` of the route"
            ),
            Cause(
                "the engine died or was replaced", "its log before the restart; on a rollout `terminationGracePeriodSeconds` for the longest answer"
            ),
            Cause("Ollama cuts a model that repeats itself: `pieces alike in a row`", "another prompt, a higher `repeat_penalty`, another model"),
        ),
    ),
    Trouble(
        Reason.EMPTY,
        "the answer's end was told, but no token came",
        "the chat is fast, and has no TTFT; the breaker does not open for it",
        (
            Cause("the model ends its answer at once", "another prompt; compare the model's chat template with that of its makers"),
            Cause("a reasoning model used up `max_tokens` without text that was shown", "raise `max_tokens`, or `thinking: off`"),
            Cause("a gateway took the text out", "try past it"),
        ),
    ),
    Trouble(
        Reason.VALIDATION,
        "the answer came whole, and failed a check of its scenario; or the engine did not have the whole prompt",
        "the detail begins with the check's name; `chatprobe probe URL --text` shows an answer",
        (
            Cause("the model's answers have become worse: another version, quantization or chat template", "compare with what was deployed before"),
            Cause("the check asks for more than the model does each time", "loosen `expect` of the scenario, or see how often it fails"),
            Cause("`whole_prompt`: the engine cut a prompt that is longer than its context", "a shorter prompt, or a longer context"),
        ),
    ),
    Trouble(
        Reason.INTERNAL,
        "chatprobe's own fault; it counts neither for nor against the engine",
        "the detail names what broke; the log has a traceback",
        (
            Cause(
                "a URL, header or body that cannot be sent, or a check that takes too long",
                "what the detail says; `chatprobe check` the configuration",
            ),
            Cause("too few file descriptors (`no socket to be had`)", "a higher `ulimit -n`; `process_open_fds` shows how many are open"),
            Cause("a measuring worker died or hung, as by a lack of memory", "it is started anew by itself; more memory if it happens again"),
            Cause("a mistake in chatprobe", "report it, with the traceback"),
        ),
    ),
)

FAILURES: Mapping[Reason, Trouble] = {Reason(trouble.name): trouble for trouble in _OF_FAILURES}
"""All reasons of failed chats, in the order of `Reason`."""
