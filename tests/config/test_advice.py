from __future__ import annotations

import pytest

from config.reader import parse
from tests.engine_lists import filled

ONE = "targets: {v: {backend: vllm, url: http://v}}\n"
BEAT = "scenarios: {beat: {every: 15s}}\n"
FOUND = "discovery: {files: [targets.yaml]}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "targets: {v: {backend: vllm, url: http://v, api_key: {env: KEY}}}\n" + BEAT,
            ["1:35: targets.v.url: carries the key in clear text over the network; write https://"],
        ),
        (
            "targets: {v: {backend: vllm, url: http://v, headers: {Authorization: hunter2}}}\n" + BEAT,
            ["1:35: targets.v.url: carries the key in clear text over the network; write https://"],
        ),
        (
            ONE + BEAT + "metrics: {native_histograms: true}\n",
            [
                "3:30: metrics.native_histograms: is for Prometheus 2.48 or newer, as older ones lose some of what rules and dashboards make of "
                'native histograms; write alerts: {prometheus: "2.48"}, or the version that you have, or leave it out',
            ],
        ),
        (ONE + BEAT + 'metrics: {native_histograms: true}\nalerts: {prometheus: "3.9"}\n', []),
        (
            "targets: {v: {backend: vllm, url: https://v, tls: {insecure: true}}}\n" + BEAT,
            ["1:62: targets.v.tls.insecure: accepts any certificate, an attacker's too; write ca_file: PATH"],
        ),
        (
            "targets: {o: {backend: openai, url: 'http://o:11434'}, p: {backend: openai, url: 'https://p'}}\n" + BEAT,
            [
                "1:24: targets.o.backend: cannot ask Ollama, whose port this is, to leave a model as it is in memory: each chat may load it, "
                "or load it anew for others; write ollama",
            ],
        ),
        (
            "targets: {o: {backend: ollama, url: http://o}}\n" + BEAT,
            [
                "2:27: scenarios.beat.every: more often than Ollama's keep-alive of 5m pins the model in memory (o); "
                "write 6m or more if it should be let go"
            ],
        ),
        (
            ONE + "scenarios: {beat: {every: 1h}}\nslos: {s: {scenario: beat, objective: 99.9%}, fine: {scenario: beat, objective: 99%}}\n",
            [
                "3:39: slos.s.objective: allows not even one bad chat of the 720 in its window: the first one spends the whole budget; "
                "chat more often, or write a lower objective or a longer window"
            ],
        ),
        (
            "targets: {v: {backend: vllm, url: http://v}}\nscenarios: {beat: {every: 1s}}\n",
            [
                "2:27: scenarios.beat.every: a target that hangs would hold 120 chats at once, more than limits.streams_per_target (100); "
                "write a longer every, or a shorter timeout"
            ],
        ),
        (
            ONE + "scenarios: {load: {rate: 2/s, timeout: 1m}}\n",
            [
                "2:26: scenarios.load.rate: a target that hangs would hold 120 chats at once, more than limits.streams_per_target (100); "
                "write a lower rate, or a shorter timeout, or raise the limit"
            ],
        ),
        (
            ONE + "scenarios: {load: {users: 150}}\n",
            [
                "2:27: scenarios.load.users: its users hold 150 chats at once, more than limits.streams_per_target (100); "
                "write fewer users, or raise the limit"
            ],
        ),
        (
            ONE + "scenarios: {load: {stages: [{users: 1, for: 1m}, {users: 101}]}}\n",
            [
                "2:28: scenarios.load.stages: its users hold 101 chats at once, more than limits.streams_per_target (100); "
                "write smaller stages, or raise the limit"
            ],
        ),
        (ONE + "scenarios: {load: {users: 100}}\n", []),
        (
            ONE + "scenarios: {a: {users: 60}, b: {users: 60}}\n",
            [
                "1:1: limits.streams_per_target: is 100, and all scenarios together could hold 120 chats at once with v; raise it, or chat less",
            ],
        ),
        (
            "limits: {streams: 100}\ntargets: {v: {backend: vllm, url: http://v}, w: {backend: tgi, url: http://w}}\nscenarios: {a: {users: 60}}\n",
            ["1:19: limits.streams: is 100, and all scenarios together could hold 120 chats at once; raise it, or chat less"],
        ),
        (
            "limits: {tokens_per_hour: 100000}\n" + ONE + "scenarios: {a: {rate: 1/s, timeout: 1m}}\n",
            ["1:27: limits.tokens_per_hour: is 100000, and all scenarios together ask for about 290,000 in an hour; raise it, or chat less"],
        ),
        ("limits: {tokens_per_hour: 300000}\n" + ONE + "scenarios: {a: {rate: 1/s, timeout: 1m}}\n", []),
        (
            "limits: {tokens_per_hour: 100000}\ndiscovery: {files: [a]}\nscenarios: {a: {every: 2s, prompt: {input_tokens: 136}}}\n",
            ["1:27: limits.tokens_per_hour: is 100000, and all scenarios together ask for about 360,000 in an hour; raise it, or chat less"],
        ),
        (
            "limits: {tokens_per_hour: 1000}\n" + ONE + "scenarios: {a: {every: 2h, prompt: {input_tokens: 600}, max_tokens: 401}}\n",
            [
                "3:69: scenarios.a.max_tokens: makes chats of about 1,000 tokens with their prompts, which limits.tokens_per_hour (1000) "
                "never lets through; write a smaller one, or a shorter prompt, or raise the limit",
            ],
        ),
        (
            f"limits: {{tokens_per_hour: 1000}}\n{ONE}scenarios: {{a: {{every: 2h, prompt: {{text: {'four' * 2000}}}}}}}\n",
            [
                "3:13: scenarios.a.max_tokens: makes chats of about 2,100 tokens with their prompts, which limits.tokens_per_hour (1000) "
                "never lets through; write a smaller one, or a shorter prompt, or raise the limit",
                "1:27: limits.tokens_per_hour: is 1000, and all scenarios together ask for about 1,000 in an hour; raise it, or chat less",
            ],
        ),
        ("limits: {tokens_per_hour: 1000}\n" + ONE + "scenarios: {a: {every: 2h, prompt: {input_tokens: 600}, max_tokens: 400}}\n", []),
        (
            ONE + "scenarios: {a: {every: 1d, active: ['00:00-24:00', '23:30-00:30']}, b: {rate: 1/h, active: 08:00-08:59}}\n",
            [
                "2:24: scenarios.a.every: chats so seldom that a window of active (1h) may pass without one, each time; "
                "chat more often, or write a longer window",
                "2:79: scenarios.b.rate: chats so seldom that a window of active (59m) may pass without one, each time; "
                "chat more often, or write a longer window",
            ],
        ),
        (ONE + "scenarios: {a: {every: 49m, active: 08:00-08:49}}\n", []),
        (
            "discovery: {files: [a]}\nscenarios: {a: {every: 1m, exact_length: true}, b: {every: 1m, exact_length: true, targets: ['t*']}}\n",
            [
                "2:42: scenarios.a.exact_length: is possible with {exact} only, and others that are discovered answer at any length; "
                "name the {exact} targets in targets, or leave it out",
                "2:78: scenarios.b.exact_length: is possible with {exact} only, and others that are discovered answer at any length; "
                "name the {exact} targets in targets, or leave it out",
            ],
        ),
        (ONE + "discovery: {files: [a]}\nscenarios: {a: {every: 1m, exact_length: true, targets: [v]}}\n", []),
        (ONE + "scenarios: {a: {every: 1m, exact_length: true}}\n", []),
        (ONE + "scenarios: {a: {every: 1m, thinking: on}}\n", []),
        (
            "targets: {v: {backend: vllm, url: http://v}, t: {backend: tgi, url: http://t}, g: {backend: openai, url: http://g}}\n"
            "scenarios: {a: {every: 1m, thinking: on}, b: {every: 1m}}\n",
            ["2:38: scenarios.a.thinking: is not told to t, g, as only {thinking} can be told; name the others in targets, or leave it out"],
        ),
        (
            "targets: {o: {backend: ollama, url: http://o}}\nscenarios: {a: {users: 1, think_time: 4m}, b: {rate: 11/h}, c: {rate: 13/h}}\n",
            [
                "2:24: scenarios.a.users: more often than Ollama's keep-alive of 5m pins the model in memory (o); "
                "write every: 6m or more if it should be let go",
                "2:71: scenarios.c.rate: more often than Ollama's keep-alive of 5m pins the model in memory (o); "
                "write every: 6m or more if it should be let go",
            ],
        ),
        ("targets: {o: {backend: ollama, url: http://o, load_model: true}}\n" + BEAT, []),
        (
            ONE + BEAT + "credentials: [{host: v, headers: {X: x}}]\n",
            ["3:14: credentials: are for discovered targets, and none are discovered; write discovery: {files: [PATH]}, or leave them out"],
        ),
        (
            ONE
            + BEAT
            + "credentials: [{host: '*', api_key: {env: KEY}}, {host: '*:*', tls: {insecure: true}}, {host: '*.a.b', api_key: {env: KEY}}]\n"
            + FOUND,
            [
                "3:22: credentials[0].host: matches every host, so that whoever writes a target's URL is shown what is secret; "
                "write *.example.com, your own domain",
                "3:56: credentials[1].host: matches every host, so that whoever writes a target's URL is shown what is secret; "
                "write *.example.com, your own domain",
                "3:79: credentials[1].tls.insecure: accepts any certificate, an attacker's too; write ca_file: PATH",
            ],
        ),
        (
            ONE
            + BEAT
            + "credentials: [{host: '*.com', headers: {X: x}}, {host: 'a-*.com', headers: {X: x}}, {host: '*example.com', headers: {X: x}}]\n"
            + FOUND,
            [
                "3:22: credentials[0].host: matches hosts of a whole top-level domain, whoever owns them; write *.example.com, your own domain",
                "3:56: credentials[1].host: matches hosts of a whole top-level domain, whoever owns them; write *.example.com, your own domain",
                "3:92: credentials[2].host: matches names of others that end alike, as notexample.com ends in example.com; write a dot after the *",
            ],
        ),
        *(
            (ONE + BEAT + f"credentials: [{{host: '{host}', headers: {{X: x}}}}]\n" + FOUND, [])
            for host in ("*.svc", "*.LOCAL", "*.example.com.", "a-*.example.com", "*-a.example.com", "10.0.*", "fd00:*", "host", "a.com")
        ),
        (
            ONE + "scenarios: {beat: {every: 15s, targets: [v, w, 'team-*']}}\ndiscovery: {files: [a]}\n",
            ["2:45: scenarios.beat.targets[1]: names no target of this configuration, and waits for one to be discovered; there is v"],
        ),
        (
            ONE + "scenarios: {beat: {every: 15s}}\nlimits: {load_share: 5%}\n",
            ["3:22: limits.load_share: holds nothing back, as no scenario yields; write yields: true in one that may wait, or leave it out"],
        ),
        (
            ONE + "scenarios: {beat: {every: 15s, yields: true}}\n",
            ["2:40: scenarios.beat.yields: has no effect without a bound; write limits: {load_share: 5%}, or leave it out"],
        ),
        (ONE + "scenarios: {beat: {every: 15s, yields: true}}\nlimits: {load_share: 5%}\n", []),
        (
            "targets: {o: {backend: ollama, url: http://o, load_model: true}, p: {backend: openai, url: http://p}, t: {backend: tgi, url: http://t}, "
            "u: {backend: tgi, url: http://u, metrics: false}}\nscenarios: {beat: {every: 15s, yields: true}, all: {every: 15s}}\n"
            "limits: {load_share: 5%}\n",
            [
                "2:40: scenarios.beat.yields: never holds back what goes to o, p, u, whose load is not known "
                "({metrics} tell theirs in their own metrics); name the others in targets, or leave it out"
            ],
        ),
        (
            "targets: {v: {backend: vllm, url: https://v, api_key: {env: KEY}, metrics: {urls: [https://v-0, http://v-1, http://127.0.0.1]}}}\n"
            + BEAT,
            ["1:97: targets.v.metrics.urls[1]: carries the key in clear text over the network; write https://"],
        ),
        (
            ONE + "discovery: {files: [a]}\nscenarios: {a: {every: 1m, pair: true}, b: {every: 1m, pair: true, targets: ['team-*']}}\n",
            ["3:34: scenarios.a.pair: compares 20 targets at most, whichever are found first; name those to compare in targets"],
        ),
        (
            "targets: {v: {backend: vllm, url: http://v}, t: {backend: tgi, url: http://t}, u: {backend: tgi, url: http://u, api: generate}}\n"
            "scenarios: {a: {every: 1h, max_tokens: 1025}, b: {every: 1h, max_tokens: 4000, targets: [t]}, c: {every: 1h, max_tokens: 2048}, "
            "d: {every: 1h, max_tokens: 4000, targets: [v]}, e: {every: 1h, max_tokens: 1000}}\n",
            [
                "2:40: scenarios.a.max_tokens: is no exact bound for t, u: TGI may answer with up to 2048 tokens, or end before 1025 "
                "where so many do not fit; write 1024 or 2048",
                "2:74: scenarios.b.max_tokens: is no exact bound for t: TGI may answer with up to 4096 tokens, or end before 4000 "
                "where so many do not fit; write 3072 or 4096",
            ],
        ),
        (
            "targets: {v: {backend: vllm, url: http://v}, t: {backend: tgi, url: http://t}}\n"
            "scenarios: {a: {every: 1h, prompt: {input_tokens: 100}, max_tokens: 1025}}\nlimits: {tokens_per_hour: 3200}\n",
            [
                "2:69: scenarios.a.max_tokens: is no exact bound for t: TGI may answer with up to 2048 tokens, or end before 1025 "
                "where so many do not fit; write 1024 or 2048",
                "3:27: limits.tokens_per_hour: is 3200, and all scenarios together ask for about 3,300 in an hour; raise it, or chat less",
            ],
        ),
        (
            "targets: {t: {backend: tgi, url: http://t}, v: {backend: vllm, url: http://v}}\n" + BEAT + "native: {series_per_replica: 600}\n",
            [
                "3:30: native.series_per_replica: is 600, and a page of TGI has about 690 series that are served on: families will be left out; "
                "raise it, or deny what is not needed"
            ],
        ),
        (
            "targets: {t: {backend: tgi, url: http://t, metrics: {urls: [http://a, http://b]}}, o: {backend: openai, url: http://o}}\n"
            + BEAT
            + "native: {series_in_all: 3000, buckets: all}\n",
            [
                "3:25: native.series_in_all: is 3000, 1500 for each of 2 pages, and a page of TGI has about 1860 series that are served on: "
                "families will be left out; raise it, or deny what is not needed"
            ],
        ),
        ("targets: {t: {backend: tgi, url: http://t}}\n" + BEAT + "native: {series_per_replica: 600, relay: false}\n", []),
        (
            "targets: {t: {backend: tgi, url: http://t}}\n"
            + BEAT
            + "native: {allow: [tgi_queue_size, tgi_request_count], deny: [tgi_batch_*_bucket]}\n",
            [
                "3:61: native.deny[0]: fits no metric, as a histogram is named without it; write tgi_batch_*, and see native.buckets for its buckets",
            ],
        ),
        ("targets: {t: {backend: tgi, url: http://t}}\n" + BEAT + "native: {series_per_replica: 600, allow: [tgi_queue_size]}\n", []),
        ("targets: {t: {backend: tgi, url: http://t, metrics: false}}\n" + BEAT + "native: {series_per_replica: 600}\n", []),
        ("targets: {v: {backend: vllm, url: http://v}}\n" + BEAT, []),
        ("targets: {v: {backend: vllm, url: 'http://[::1]:8000', api_key: {env: KEY}}}\n" + BEAT, []),
        ("targets: {v: {backend: vllm, url: http://127.0.0.2, api_key: {env: KEY}}}\n" + BEAT, []),
        ("targets: {v: {backend: vllm, url: http://localhost, api_key: {env: KEY}}}\n" + BEAT, []),
        ("targets: {v: {backend: vllm, url: https://v, api_key: {env: KEY}}}\n" + BEAT, []),
        ("targets: {o: {backend: ollama, url: http://o}}\nscenarios: {beat: {every: 5m}}\n", []),
        (
            "targets: {o: {backend: ollama, url: http://o}, v: {backend: vllm, url: http://v}}\nscenarios: {beat: {every: 15s, targets: [v]}}\n",
            [],
        ),
        (
            "targets: {a: {backend: vllm, url: http://a, model: Qwen/Q2.5-7B}, b: {backend: tgi, url: http://b, model: q2.5-7b}}\n"
            "scenarios: {beat: {every: 15s, pair: true}}\n",
            [],
        ),
        (
            "targets: {a: {backend: vllm, url: http://a, model: Q2.5-7B}, b: {backend: tgi, url: http://b, model: Q2.5-72B, api: generate}}\n"
            "scenarios: {beat: {every: 15s, pair: true}}\n",
            [
                "2:38: scenarios.beat.pair: compares chats with plain text: b get no chat template (api); let all be asked by api: chat",
                "2:38: scenarios.beat.pair: compares models of different names (a: Q2.5-7B, b: Q2.5-72B); unless they are the same weights, "
                "it is not the engines that are compared",
            ],
        ),
        (
            "targets: {a: {backend: vllm, url: http://a, omit: [seed]}, b: {backend: ollama, url: http://b, load_model: true}}\n"
            "scenarios: {beat: {every: 15s, pair: true}}\n",
            [
                "2:38: scenarios.beat.pair: compares requests that differ by the settings of a (omit, extra_body); give them to all, or to none",
                "2:38: scenarios.beat.pair: has no pairs while b loads its model (load_model); load it before, and leave load_model out",
            ],
        ),
    ],
)
def test_warnings(text: str, expected: list[str]) -> None:
    loaded = parse(text, environ={"KEY": "hunter2"})
    assert [str(warning) for warning in loaded.warnings] == [filled(f"chatprobe.yaml:{line}") for line in expected]
