"""Settings that are possible but seldom meant: warnings, not errors."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from config.credentials import Credential
from config.demand import chats_per_second_at_most, chats_per_second_on_average, streams_at_worst, tokens_of_largest_chat, tokens_per_hour
from config.engine_metrics import HAVE_METRICS, Native
from config.likeness import weights
from config.load import ClosedLoop
from config.model import Config, Scenario, Slo, Target
from config.quantities import write_duration
from config.references import MOST_PAIRED, exact_ones
from config.rules import Finding, suggestion
from config.shapes import SHAPES
from config.version import NATIVE_PROMETHEUS, write_version
from config.web import is_loopback
from probes import backends
from probes.backends.backend import Backend
from probes.wording import listed

_PRIVATE = frozenset({"svc", "local", "localhost", "internal", "intranet", "private", "corp", "home", "lan", "test"})
"""Last labels that nobody can register (RFC 6761, RFC 6762 appendix G, ICANN's `internal`), and `svc` of names inside of a Kubernetes cluster."""

_BUCKET = "_bucket"
_REMEDIES = {
    "every": "write a longer every, or a shorter timeout",
    "rate": "write a lower rate, or a shorter timeout, or raise the limit",
    "users": "write fewer users, or raise the limit",
    "stages": "write smaller stages, or raise the limit",
}


def advise(config: Config) -> Iterator[Finding]:
    """Warnings on a valid configuration."""
    for name, target in config.targets.items():
        yield from ((("targets", name, *place), text) for place, text in _on_target(target))
    if config.credentials and not config.discovery.looks:
        yield ("credentials",), "are for discovered targets, and none are discovered; write discovery: {files: [PATH]}, or leave them out"
    for index, credential in enumerate(config.credentials):
        yield from ((("credentials", index, *place), text) for place, text in _on_credential(credential))
    for name, scenario in config.scenarios.items():
        yield from ((("scenarios", name, *place), text) for place, text in _on_scenario(config, scenario))
    for name, slo in config.slos.items():
        yield from ((("slos", name, *place), text) for place, text in _on_slo(slo, config.scenarios[slo.scenario]))
    yield from _on_limits(config)
    yield from _on_native_histograms(config)
    yield from _on_patterns(config.native)
    yield from _on_series(config)


def _on_target(target: Target) -> Iterator[Finding]:
    bears_key = target.api_key is not None or any(name.lower() == "authorization" for name in target.headers)
    metrics = (target.metrics and target.metrics.urls) or ()
    for place, url in ((("url",), target.url), *((("metrics", "urls", index), url) for index, url in enumerate(metrics))):
        if bears_key and url.startswith("http://") and not is_loopback(urlsplit(url).hostname or ""):
            yield place, "carries the key in clear text over the network; write https://"
    if target.tls.insecure:
        yield ("tls", "insecure"), "accepts any certificate, an attacker's too; write ca_file: PATH"
    if (loader := _loader_by_port(target)) is not None:
        yield (
            ("backend",),
            f"cannot ask {loader.title}, whose port this is, to leave a model as it is in memory: each chat may load it, or load it anew for others; "
            f"write {loader.name}",
        )


def _loader_by_port(target: Target) -> Backend | None:
    """The engine that loads on demand and usually has the target's port, where the target is spoken to by the generic form."""
    if not backends.get(target.backend).generic:
        return None
    port = urlsplit(target.url).port
    return next((backend for backend in backends.BACKENDS.values() if backend.on_demand is not None and port in backend.usual_ports), None)


def _on_native_histograms(config: Config) -> Iterator[Finding]:
    if config.metrics.native_histograms and config.alerts.prometheus < NATIVE_PROMETHEUS:
        least = write_version(NATIVE_PROMETHEUS)
        yield (
            ("metrics", "native_histograms"),
            f"is for Prometheus {least} or newer, as older ones lose some of what rules and dashboards make of native histograms; "
            f'write alerts: {{prometheus: "{least}"}}, or the version that you have, or leave it out',
        )


def _on_credential(credential: Credential) -> Iterator[Finding]:
    ending = credential.ending
    if not credential.host.strip("*.:"):
        yield ("host",), "matches every host, so that whoever writes a target's URL is shown what is secret; write *.example.com, your own domain"
    elif ending and ending[0] not in ".-":
        yield ("host",), "matches names of others that end alike, as notexample.com ends in example.com; write a dot after the *"
    elif ending and (last := ending.partition(".")[2]) not in _PRIVATE and "." not in last:
        yield ("host",), "matches hosts of a whole top-level domain, whoever owns them; write *.example.com, your own domain"
    if credential.tls_settings.insecure:
        yield ("tls", "insecure"), "accepts any certificate, an attacker's too; write ca_file: PATH"


def _on_scenario(config: Config, scenario: Scenario) -> Iterator[Finding]:
    for index, name in enumerate(scenario.targets or ()):
        if "*" not in name and name not in config.targets:
            yield ("targets", index), f"names no target of this configuration, and waits for one to be discovered; {suggestion(name, config.targets)}"
    if scenario.pair and scenario.targets is None and config.discovery.looks:
        yield ("pair",), f"compares {MOST_PAIRED} targets at most, whichever are found first; name those to compare in targets"
    yield from _on_fairness(config, scenario)
    shape = _shape(scenario)
    at_worst = streams_at_worst(scenario)
    if at_worst > config.limits.streams_per_target:
        whose = "its users hold" if isinstance(scenario.load, ClosedLoop) else "a target that hangs would hold"
        yield (
            (shape,),
            f"{whose} {at_worst:.0f} chats at once, more than limits.streams_per_target ({config.limits.streams_per_target}); {_REMEDIES[shape]}",
        )
    if scenario.active and round(chats_per_second_at_most(scenario) * scenario.active.shortest_seconds, 9) < 1:
        yield (
            (shape,),
            f"chats so seldom that a window of active ({write_duration(scenario.active.shortest_seconds)}) may pass without one, each time; "
            "chat more often, or write a longer window",
        )
    if scenario.exact_length and config.discovery.looks and any("*" in name for name in scenario.targets or "*"):
        able = listed(exact_ones())
        yield (
            ("exact_length",),
            f"is possible with {able} only, and others that are discovered answer at any length; name the {able} targets in targets, or leave it out",
        )
    untold = [name for name, target in config.targets_of(scenario).items() if not backends.get(target.backend).thinking]
    if scenario.thinking and untold:
        able = listed(backends.titles(lambda backend: backend.thinking))
        yield (
            ("thinking",),
            f"is not told to {', '.join(untold)}, as only {able} can be told; name the others in targets, or leave it out",
        )
    yield from _on_longest_answer(config, scenario)
    budget = config.limits.tokens_per_hour
    if budget is not None and (largest := tokens_of_largest_chat(scenario, max(_longest_answers(config, scenario)))) > budget:
        yield (
            ("max_tokens",),
            f"makes chats of about {_about(largest)} tokens with their prompts, which limits.tokens_per_hour ({budget}) never lets through; "
            "write a smaller one, or a shorter prompt, or raise the limit",
        )
    for engine in backends.BACKENDS.values():
        yield from _on_pinning(config, scenario, engine, shape)
    yield from _on_yielding(config, scenario)


def _longest_answers(config: Config, scenario: Scenario) -> list[int]:
    """With each configured target of the scenario; with one of no particular engine where all are still to be discovered."""
    targets = config.targets_of(scenario).values()
    return [backends.get(target.backend).longest_answer(scenario.max_tokens) for target in targets] or [scenario.max_tokens]


def _on_longest_answer(config: Config, scenario: Scenario) -> Iterator[Finding]:
    """What is said where an engine takes `max_tokens` for less exact than it is."""
    asked = scenario.max_tokens
    for engine in backends.BACKENDS.values():
        rounded = engine.longest_answer(asked)
        names = [name for name, target in config.targets_of(scenario).items() if target.backend == engine.name]
        if rounded != asked and names:
            exact = next(tokens for tokens in range(asked, 0, -1) if engine.longest_answer(tokens) == tokens)
            yield (
                ("max_tokens",),
                f"is no exact bound for {', '.join(names)}: {engine.title} may answer with up to {rounded} tokens, or end before {asked} "
                f"where so many do not fit; write {exact} or {rounded}",
            )


def _on_fairness(config: Config, scenario: Scenario) -> Iterator[Finding]:
    """What makes the targets of a paired scenario unequal, as far as the configuration says."""
    if not scenario.pair:
        return
    targets = config.targets_of(scenario)
    if len({target.api for target in targets.values()}) > 1:
        others = [name for name, target in targets.items() if target.api != "chat"]
        yield ("pair",), f"compares chats with plain text: {', '.join(others)} get no chat template (api); let all be asked by api: chat"
    models = {name: target.model for name, target in targets.items() if target.model is not None}
    if len({weights(model) for model in models.values()}) > 1:
        told = ", ".join(f"{name}: {model}" for name, model in models.items())
        yield ("pair",), f"compares models of different names ({told}); unless they are the same weights, it is not the engines that are compared"
    asked = {name: (target.adaptation.omit, repr(target.adaptation.extra_body)) for name, target in targets.items()}
    if len(set(asked.values())) > 1:
        others = [name for name, target in targets.items() if target.adaptation.omit or target.adaptation.extra_body]
        yield (
            ("pair",),
            f"compares requests that differ by the settings of {', '.join(others)} (omit, extra_body); give them to all, or to none",
        )
    loading = [name for name, target in targets.items() if target.load_model and backends.get(target.backend).on_demand is not None]
    if loading:
        yield ("pair",), f"has no pairs while {', '.join(loading)} loads its model (load_model); load it before, and leave load_model out"


def _on_pinning(config: Config, scenario: Scenario, engine: Backend, shape: str) -> Iterator[Finding]:
    """What is said of the targets of one engine."""
    pinned = [name for name, target in config.targets_of(scenario).items() if target.backend == engine.name and not target.load_model]
    if engine.on_demand is None or not pinned:
        return
    kept_seconds = engine.on_demand.keep_alive_seconds
    if chats_per_second_at_most(scenario) * kept_seconds > 1:
        seldom = write_duration(kept_seconds * 1.2)
        yield (
            (shape,),
            f"more often than {engine.title}'s keep-alive of {write_duration(kept_seconds)} pins the model in memory ({', '.join(pinned)}); "
            f"write {seldom if shape == 'every' else f'every: {seldom}'} or more if it should be let go",
        )


def _on_slo(slo: Slo, scenario: Scenario) -> Iterator[Finding]:
    chats = chats_per_second_on_average(scenario) * slo.window_seconds
    if float(1 - slo.objective) * chats < 1:
        yield (
            ("objective",),
            f"allows not even one bad chat of the {_about(chats)} in its window: the first one spends the whole budget; "
            "chat more often, or write a lower objective or a longer window",
        )


def _on_yielding(config: Config, scenario: Scenario) -> Iterator[Finding]:
    if not scenario.yields:
        return
    if config.limits.load_share is None:
        yield ("yields",), "has no effect without a bound; write limits: {load_share: 5%}, or leave it out"
    silent = [name for name, target in config.targets_of(scenario).items() if not _tells_its_load(target)]
    if silent:
        yield (
            ("yields",),
            f"never holds back what goes to {', '.join(silent)}, whose load is not known ({listed(HAVE_METRICS)} tell theirs in their own metrics); "
            "name the others in targets, or leave it out",
        )


def _tells_its_load(target: Target) -> bool:
    return backends.get(target.backend).metrics is not None and target.tells_of_itself


def _shape(scenario: Scenario) -> str:
    """The key that says how often to chat."""
    values = (scenario.every_seconds, scenario.rate, scenario.users, scenario.stages)
    return next(key for key, value in zip(SHAPES, values, strict=True) if value is not None)


def _on_limits(config: Config) -> Iterator[Finding]:
    """What all scenarios together ask of the configured targets, or of one where all are still to be discovered.

    One that exceeds a limit alone was named before.
    """
    limits = config.limits
    each = {name: [scenario for scenario in config.scenarios.values() if scenario.covers(name)] for name in config.targets}
    streams = {name: sum(map(streams_at_worst, scenarios)) for name, scenarios in each.items()}
    worst = max(streams, key=streams.__getitem__, default=None)
    if worst is not None and streams[worst] > limits.streams_per_target >= max(map(streams_at_worst, each[worst])):
        yield (
            ("limits", "streams_per_target"),
            f"is {limits.streams_per_target}, and all scenarios together could hold {streams[worst]:.0f} chats at once with {worst}; "
            "raise it, or chat less",
        )
    together = sum(min(count, limits.streams_per_target) for count in streams.values())
    if together > limits.streams:
        yield (
            ("limits", "streams"),
            f"is {limits.streams}, and all scenarios together could hold {together:.0f} chats at once; raise it, or chat less",
        )
    if limits.load_share is not None and not any(scenario.yields for scenario in config.scenarios.values()):
        yield ("limits", "load_share"), "holds nothing back, as no scenario yields; write yields: true in one that may wait, or leave it out"
    if limits.tokens_per_hour is None:
        return
    expected = sum(tokens_per_hour(scenario, longest) for scenario in config.scenarios.values() for longest in _longest_answers(config, scenario))
    if expected > limits.tokens_per_hour:
        yield (
            ("limits", "tokens_per_hour"),
            f"is {limits.tokens_per_hour}, and all scenarios together ask for about {_about(expected)} in an hour; raise it, or chat less",
        )


def _on_patterns(native: Native) -> Iterator[Finding]:
    """Which patterns are for buckets, of which no metric is named."""
    for key, patterns in (("allow", native.allow), ("deny", native.deny)):
        for index, pattern in enumerate(patterns):
            if pattern.endswith(_BUCKET):
                whole = pattern.removesuffix(_BUCKET)
                yield (
                    ("native", key, index),
                    f"fits no metric, as a histogram is named without it; write {whole}, and see native.buckets for its buckets",
                )


def _on_series(config: Config) -> Iterator[Finding]:
    """Which budget of relayed series is too small for whole pages of the configured targets, as far as these are known."""
    native = config.native
    if not native.relay or native.allow:
        return
    pages = [
        (target.backend, len(target.metrics.pages(target.url))) for target in config.targets.values() if target.metrics and target.metrics.wanted
    ]
    usual = {backend.title: backend.metrics.usual for name, _ in pages if (backend := backends.get(name)).metrics and backend.metrics.usual}
    have = {title: series.whole if native.buckets == "all" else series.used for title, series in usual.items()}
    largest = max(have, key=have.__getitem__, default=None)
    if largest is None:
        return
    count = sum(replicas for name, replicas in pages if backends.get(name).metrics)
    told = f"and a page of {largest} has about {have[largest]} series that are served on: families will be left out"
    if native.series_per_replica < have[largest]:
        yield ("native", "series_per_replica"), f"is {native.series_per_replica}, {told}; raise it, or deny what is not needed"
    elif native.series_in_all // count < have[largest]:
        yield (
            ("native", "series_in_all"),
            f"is {native.series_in_all}, {native.series_in_all // count} for each of {count} pages, {told}; raise it, or deny what is not needed",
        )


def _about(count: float) -> str:
    """A number to two digits."""
    return f"{float(f'{count:.1e}'):,.0f}"
