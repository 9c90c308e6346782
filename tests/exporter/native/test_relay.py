from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from config.engine_metrics import Native
from exporter.native.drops import DropReason, LeftOut
from exporter.native.needed import used_buckets
from exporter.native.relay import Relay, RelaySettings
from probes import backends
from probes.numbers.family import Family, FamilyType, Sample
from probes.numbers.number import Number
from probes.numbers.own_metrics import Distribution, Told
from tests.exporter.native import recorded
from tests.exporter.native.expositions import NUMBERS_TO_PYTHON_ALONE, by_hand, families_of, family, histogram
from tests.exporter.scrape import Scrape, read
from tests.newcomer import Parrot


def relay(**settings: object) -> Relay:
    """With all buckets, unless told otherwise: histograms of tests are ones that nothing uses."""
    return Relay(RelaySettings(**{"buckets": "all", **settings}))  # type: ignore[arg-type]


def scrape(of: Relay) -> Scrape:
    """What both forms say: they say the same."""
    now = of.now()
    text, openmetrics = read(now.text()), read(now.openmetrics() + b"# EOF\n", as_openmetrics=True)
    # prometheus-client's text parser gives each counter a `_total`
    assert {name.removesuffix("_total"): series for name, series in text.samples.items()} == {
        name.removesuffix("_total"): series for name, series in openmetrics.samples.items()
    }
    assert now.series == sum(map(len, text.samples.values()))
    return openmetrics


def dropped(of: Relay, target: str = "t", replica: str = "") -> dict[str, float]:
    """What was dropped of a replica, by reason; those at 0 are left out."""
    return {reason: count for (*owner, reason), count in of.dropped().items() if owner == [target, replica] and count}


def names(of: Relay) -> set[str]:
    return set(scrape(of).names)


def declarations(form: bytes) -> list[str]:
    return [line for line in form.decode().splitlines() if line.startswith("#")]


def test_each_form_declares_counters_in_its_way() -> None:
    one = relay()
    families = by_hand(
        "# HELP vllm:n_total Tokens.\n# TYPE vllm:n_total counter\nvllm:n_total 1\n"
        "# HELP tgi_n Requests.\n# TYPE tgi_n counter\ntgi_n 2\n"
        "# TYPE tgi_loose_end gauge\ntgi_loose_end 3\n"
        "tgi_undeclared 4\n"
    )
    one.serve("t", "vllm", None, families)
    labels = b'{target="t",backend="vllm"}'
    assert one.now().text() == (
        b"# TYPE tgi_loose_end gauge\ntgi_loose_end%b 3.0\n"
        b"# HELP tgi_n Requests.\n# TYPE tgi_n counter\ntgi_n%b 2.0\n"
        b"# TYPE tgi_undeclared untyped\ntgi_undeclared%b 4.0\n"
        b"# HELP vllm:n_total Tokens.\n# TYPE vllm:n_total counter\nvllm:n_total%b 1.0\n"
    ) % ((labels,) * 4)
    assert one.now().openmetrics() == (
        b"# TYPE tgi_loose_end gauge\ntgi_loose_end%b 3.0\n"
        b"# HELP tgi_n Requests.\n# TYPE tgi_n unknown\ntgi_n%b 2.0\n"
        b"# TYPE tgi_undeclared unknown\ntgi_undeclared%b 4.0\n"
        b"# HELP vllm:n Tokens.\n# TYPE vllm:n counter\nvllm:n_total%b 1.0\n"
    ) % ((labels,) * 4)


def test_a_family_is_one_across_targets_with_series_grouped_by_target() -> None:
    one = relay()
    one.serve("b", "vllm", None, [family("vllm:g", "gauge", 1, 2, words="The words of b.")])
    one.serve("a", "vllm", "10.0.0.2:8000", [family("vllm:g", "gauge", 3, words="")])
    one.serve("a", "vllm", "10.0.0.1:8000", [family("vllm:g", "gauge", 4, words="The words of a.")])
    assert one.now().text().decode().splitlines() == [
        "# HELP vllm:g The words of a.",
        "# TYPE vllm:g gauge",
        'vllm:g{target="a",backend="vllm",replica="10.0.0.1:8000",of="0"} 4',
        'vllm:g{target="a",backend="vllm",replica="10.0.0.2:8000",of="0"} 3',
        'vllm:g{target="b",backend="vllm",of="0"} 1',
        'vllm:g{target="b",backend="vllm",of="1"} 2',
    ]


def test_histograms_with_other_buckets_are_one_family() -> None:
    one = relay()
    one.serve("a", "vllm", None, [histogram("vllm:h", 1, 2, 3)])
    one.serve("b", "vllm", None, [histogram("vllm:h", 4, 5, bounds=("8.0", "+Inf"))])
    seen = scrape(one)
    assert {labels["target"] for labels in seen.labels("vllm:h_bucket")} == {"a", "b"}
    assert seen.value("vllm:h_count") == 8
    assert dropped(one, "a") == dropped(one, "b") == {}


def test_labels_of_the_engine_with_our_names_are_exported_ones() -> None:
    one = relay()
    one.serve("t", "vllm", None, by_hand('vllm:g{replica="7",target="x",exported_target="y"} 1\n'))
    ours = {"target": "t", "backend": "vllm"}
    assert scrape(one).labels("vllm:g") == [{**ours, "exported_replica": "7", "exported_exported_target": "x", "exported_target": "y"}]


def test_the_newest_scrape_replaces_the_one_before() -> None:
    one = relay()
    one.serve("t", "vllm", None, [family("vllm:a", "gauge", 1), family("vllm:b", "gauge", 1)])
    one.serve("t", "vllm", None, [family("vllm:b", "gauge", 2, 3)])
    assert scrape(one).samples.keys() == {"vllm:b"}
    assert scrape(one).value("vllm:b") == 5


def test_what_does_not_belong_to_an_engine_is_not_relayed() -> None:
    one = relay(deny=())
    one.serve("t", "vllm", None, by_hand("process_start_time_seconds 1\nvllm:a 1\nvllm:b_created 1\n# TYPE vllm:empty gauge\n"))
    assert names(one) == {"vllm:a"}
    assert one.now().text().count(b"# TYPE") == 1
    assert dropped(one) == {}


@pytest.mark.parametrize(
    ("allow", "deny", "expected"),
    [
        ((), (), {"vllm:a_seconds", "vllm:b", "tgi_a"}),
        (("vllm:*",), (), {"vllm:a_seconds", "vllm:b"}),
        ((), ("vllm:*",), {"tgi_a"}),
        (("vllm:*", "tgi_*"), ("*_seconds",), {"vllm:b", "tgi_a"}),
        (("VLLM:*",), (), set()),
        (("vllm:b",), ("vllm:b",), set()),
    ],
)
def test_filters(allow: tuple[str, ...], deny: tuple[str, ...], expected: set[str]) -> None:
    one = relay(allow=allow, deny=deny)
    one.serve("t", "vllm", None, [family("vllm:a_seconds", "gauge", 1), family("vllm:b", "gauge", 1), family("tgi_a", "gauge", 1)])
    assert names(one) == expected
    assert dropped(one) == {}


def test_what_grows_without_bound_is_denied_by_default() -> None:
    one = relay(deny=Native().deny)
    one.serve("t", "vllm", None, [family("vllm:lora_requests_info", "gauge", 1), family("vllm:lora", "gauge", 1)])
    assert names(one) == {"vllm:lora"}


def test_the_budget_takes_whole_families_and_histograms_last() -> None:
    one = relay(series_per_replica=9)
    families = [
        histogram("vllm:a", *range(21), bounds=(*map(str, range(20)), "+Inf")),
        histogram("vllm:b", 1, 2, 3),
        histogram("vllm:c", 1, 2, 3),
        family("vllm:d", "gauge", 1),
        family("vllm:z_total", "counter", 1, 2),
    ]
    one.serve("t", "vllm", None, families)
    assert names(one) == {"vllm:d", "vllm:z_total", "vllm:b_bucket", "vllm:b_count", "vllm:b_sum"}
    assert one.now().series == 8
    assert dropped(one) == {"budget": 23 + 5}


def test_the_budget_takes_what_dashboards_show_first_and_small_families_before_large_ones() -> None:
    one = relay(series_per_replica=12)
    left_out = one.serve(
        "t",
        "vllm",
        None,
        [
            family("vllm:a", "gauge", 1, 2),
            family("vllm:num_requests_swapped", "gauge", 1),
            histogram("vllm:e2e_request_latency_seconds", *range(21), bounds=(*map(str, range(20)), "+Inf")),
            histogram("vllm:time_to_first_token_seconds", 1, 2, 3),
            family("vllm:num_requests_running", "gauge", *range(4)),
            family("vllm:num_requests_waiting", "gauge", 1, 2),
        ],
    )
    assert names(one) == {
        "vllm:num_requests_running",
        "vllm:num_requests_waiting",
        "vllm:time_to_first_token_seconds_bucket",
        "vllm:time_to_first_token_seconds_count",
        "vllm:time_to_first_token_seconds_sum",
        "vllm:num_requests_swapped",
    }
    assert left_out == (LeftOut("vllm:e2e_request_latency_seconds", DropReason.BUDGET, 23), LeftOut("vllm:a", DropReason.BUDGET, 2))


def test_what_unified_numbers_are_made_of_comes_first_with_an_engine_that_no_dashboard_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(backends.BACKENDS, "parrot", Parrot())
    one = relay(series_per_replica=2)
    one.serve("t", "parrot", None, [family("parrot_beak", "gauge", 1), family("parrot_talks", "gauge", 1, 2)])
    assert names(one) == {"parrot_talks"}


def test_what_was_left_out_when_the_page_was_read_counts_too_even_switched_off() -> None:
    lost = (LeftOut("vllm:a", DropReason.UNREADABLE, 3), LeftOut("vllm:b", DropReason.LINE_TOO_LONG, 1))
    one = relay()
    assert one.serve("t", "vllm", None, [family("vllm:g", "gauge", 1)], lost) == lost
    assert dropped(one) == {"unreadable": 3, "line_too_long": 1}
    one.configure(RelaySettings(on=False))
    assert one.serve("t", "vllm", None, [family("vllm:g", "gauge", 1)], lost) == lost
    assert one.dropped() == {("t", "", "unreadable"): 3, ("t", "", "line_too_long"): 1}


def test_each_replica_has_a_budget_of_its_own() -> None:
    one = relay(series_per_replica=3)
    for target, replica in (("t", "a"), ("t", "b"), ("other", None)):
        one.serve(target, "vllm", replica, [family("vllm:g", "gauge", 1, 2, 3)])
    one.serve("t", "vllm", "c", [family("vllm:g", "gauge", 1, 2, 3, 4)])
    assert one.now().series == 9
    assert dropped(one, "t", "a") == dropped(one, "t", "b") == dropped(one, "other") == {}
    assert dropped(one, "t", "c") == {"budget": 4}


def test_all_replicas_share_a_budget_equally_whoever_comes_first() -> None:
    one = relay()
    one.configure(RelaySettings(series_per_replica=5, series_in_all=12), pages=4)
    pages = [(replica, [family("vllm:g", "gauge", 1, 2), family("vllm:num_requests_running", "gauge", 1, 2)]) for replica in "abcd"]
    for replica, families in pages:
        one.serve("t", "vllm", replica, families)
    assert {labels["replica"] for labels in scrape(one).labels("vllm:num_requests_running")} == set("abcd")
    assert one.now().series == 8
    assert all(dropped(one, "t", replica) == {"budget_in_all": 2} for replica in "abcd")
    one.configure(RelaySettings(series_per_replica=5, series_in_all=12), pages=2)
    one.drop("t", "c")
    one.drop("t", "d")
    for replica, families in pages[:2]:
        one.serve("t", "vllm", replica, families)
    assert one.now().series == 8


def test_of_a_histogram_that_is_used_for_averages_alone_buckets_are_left_out() -> None:
    one = relay(buckets="used")
    left_out = one.serve(
        "t", "vllm", "a", [histogram("vllm:iteration_tokens_total", 1, 2, 3), histogram("vllm:time_to_first_token_seconds", 1, 2, 3)]
    )
    assert left_out == (LeftOut("vllm:iteration_tokens_total", DropReason.UNUSED_BUCKET, 2),)
    seen = scrape(one)
    assert [labels["le"] for labels in seen.labels("vllm:iteration_tokens_total_bucket")] == ["+Inf"]
    assert (seen.value("vllm:iteration_tokens_total_count"), seen.value("vllm:iteration_tokens_total_sum")) == (3, 1.5)
    assert [labels["le"] for labels in seen.labels("vllm:time_to_first_token_seconds_bucket")] == ["0.5", "1.0", "+Inf"]
    assert dropped(one, "t", "a") == {"unused_bucket": 2}
    one.configure(RelaySettings(buckets="all"))
    assert one.serve("t", "vllm", "a", [histogram("vllm:iteration_tokens_total", 1, 2, 3)]) == ()


def test_buckets_of_a_histogram_that_is_denied_are_not_counted() -> None:
    one = relay(buckets="used", deny=("vllm:iteration_*",))
    assert one.serve("t", "vllm", None, [histogram("vllm:iteration_tokens_total", 1, 2, 3)]) == ()


@pytest.mark.parametrize("bounds", [("0.5", "1.0"), ("0.5", "x", "+Inf"), ("-Inf", "+Inf")])
def test_a_histogram_that_cannot_be_served_whole_is_not_served_in_parts(bounds: tuple[str, ...]) -> None:
    one = relay(buckets="used")
    one.serve("t", "vllm", None, [histogram("vllm:iteration_tokens_total", *range(len(bounds)), bounds=bounds)])
    assert one.now().series == 0
    assert sum(dropped(one).values()) == len(bounds) + 2


def test_buckets_that_a_unified_number_is_made_of_stay_with_an_engine_that_no_dashboard_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = Parrot().metrics
    assert metrics is not None
    told = Told(Number.TTFT, Distribution("parrot_delay"), "how long it thinks.")
    monkeypatch.setattr(Parrot, "metrics", replace(metrics, numbers=(*metrics.numbers, told)))
    monkeypatch.setitem(backends.BACKENDS, "parrot", Parrot())
    one = relay(buckets="used")
    one.serve("t", "parrot", None, [histogram("parrot_delay", 1, 2, 3), histogram("parrot_flight", 1, 2, 3)])
    assert len(scrape(one).labels("parrot_delay_bucket")) == 3
    assert len(scrape(one).labels("parrot_flight_bucket")) == 1


@pytest.mark.parametrize("name", ["tgi-3.3", "vllm-0.32"])
def test_ten_replicas_are_served_whole_but_for_buckets_that_nothing_uses(name: str) -> None:
    engine = name.partition("-")[0]
    families = recorded.families(recorded.text(name))
    settings = RelaySettings.of(Native())
    one = Relay(settings)
    one.configure(settings, pages=10)
    replicas = [f"10.0.0.{number}:80" for number in range(10)]
    for replica in replicas:
        one.serve("t", engine, replica, families)
    seen = scrape(one)
    parts = {sample.name for each in families if settings.lets_through(each.name) for sample in each.samples}
    for replica in replicas:
        assert {part for part in parts if seen.value(part, replica=replica) is None} == set()
        assert dropped(one, "t", replica).keys() <= {"unused_bucket"}
        for each in families:
            if each.name in used_buckets(engine):
                assert sum(labels["replica"] == replica for labels in seen.labels(f"{each.name}_bucket")) == sum(
                    sample.name == f"{each.name}_bucket" for sample in each.samples
                )


@pytest.mark.parametrize("name", ["tgi-3.3", "vllm-0.32", "sglang-0.5.23", "llamacpp-11549"])
@pytest.mark.parametrize("buckets", ["used", "all"])
def test_what_is_said_to_be_usual_is_what_a_recorded_page_has(name: str, buckets: str) -> None:
    engine = name.partition("-")[0]
    metrics = backends.get(engine).metrics
    assert metrics is not None
    assert metrics.usual is not None
    one = relay(buckets=buckets, deny=Native().deny)
    one.serve("t", engine, None, recorded.families(recorded.text(name)))
    assert one.now().series == pytest.approx(metrics.usual.used if buckets == "used" else metrics.usual.whole, rel=0.02)


def test_the_first_of_a_name_decides_its_type_as_long_as_it_is_there() -> None:
    one = relay()
    gauge, counter = [family("vllm:x", "gauge", 1)], [family("vllm:x", "counter", 2, 3)]
    one.serve("b", "vllm", None, gauge)
    one.serve("a", "vllm", None, counter)
    one.serve("b", "vllm", None, gauge)
    assert scrape(one).labels("vllm:x") == [{"target": "b", "backend": "vllm", "of": "0"}]
    assert (dropped(one, "a"), dropped(one, "b")) == ({"type_conflict": 2}, {})
    one.drop("b", None)
    one.serve("a", "vllm", None, counter)
    one.serve("b", "vllm", None, gauge)
    assert scrape(one).value("vllm:x", target="a") == 5
    assert (dropped(one, "a"), dropped(one, "b")) == ({"type_conflict": 2}, {"type_conflict": 1})


def test_an_engine_that_changes_a_type_of_its_own_is_followed() -> None:
    one = relay()
    one.serve("t", "vllm", None, [family("vllm:x", "gauge", 1)])
    one.serve("t", "vllm", None, [family("vllm:x", "counter", 2)])
    assert scrape(one).value("vllm:x") == 2
    assert dropped(one) == {}


def test_families_whose_openmetrics_names_meet_are_not_both_served() -> None:
    one = relay()
    one.serve("t", "vllm", None, [family("vllm:x_total", "counter", 1, 2), family("vllm:x", "gauge", 3)])
    one.serve("u", "vllm", None, [family("vllm:x_total", "counter", 1), histogram("vllm:y", 1, 2, 3), family("vllm:y_sum", "gauge", 1)])
    assert names(one) == {"vllm:x", "vllm:y_sum"}
    assert (dropped(one), dropped(one, "u")) == ({"name_conflict": 2}, {"name_conflict": 1 + 5})


def test_malformed_series_are_counted_and_take_no_budget() -> None:
    one = relay(series_per_replica=1)
    one.serve("t", "vllm", None, [family("vllm:c_total", "counter", -1, math.nan, 1), family("vllm:bad_total", "counter", -1)])
    assert scrape(one).value("vllm:c_total") == 1
    assert dropped(one) == {"malformed": 3}


def test_every_scrape_adds_what_it_drops() -> None:
    one = relay(series_per_replica=1)
    assert one.dropped() == {}
    one.serve("t", "vllm", None, [family("vllm:g", "gauge", 1)])
    assert one.dropped() == {("t", "", reason): 0 for reason in DropReason}
    for _ in range(3):
        one.serve("t", "vllm", None, [family("vllm:g", "gauge", 1, 2)])
    assert dropped(one) == {"budget": 6}
    one.drop("t", None)
    assert dropped(one) == {"budget": 6}
    one.forget("t", None)
    assert one.dropped() == {}


def test_dropping_ends_the_series_of_a_replica_and_forgetting_what_was_counted_too() -> None:
    one = relay()
    for target, replica in (("t", "a"), ("t", "b"), ("u", None)):
        one.serve(target, "vllm", replica, [family("vllm:g", "gauge", 1)])
    one.drop("t", "a")
    assert [labels.get("replica") for labels in scrape(one).labels("vllm:g")] == ["b", None]
    one.drop("t", None)
    assert [labels.get("replica") for labels in scrape(one).labels("vllm:g")] == ["b", None]
    one.forget("t", "a")
    one.forget("t", "b")
    assert [labels["target"] for labels in scrape(one).labels("vllm:g")] == ["u"]
    assert {target for target, _, _ in one.dropped()} == {"u"}
    one.drop("unknown", None)
    one.forget("unknown", None)
    one.forget("u", None)
    assert one.now().text() == one.now().openmetrics() == b""
    assert one.now().series == 0


def test_switched_off_it_keeps_nothing() -> None:
    one = relay()
    one.serve("t", "vllm", None, [family("vllm:g", "gauge", 1)])
    one.configure(RelaySettings(on=False))
    assert (one.now().text(), one.dropped()) == (b"", {})
    one.serve("t", "vllm", None, [family("vllm:g", "gauge", 1)])
    assert (one.now().text(), one.dropped()) == (b"", {})
    one.configure(RelaySettings())
    one.serve("t", "vllm", None, [family("vllm:g", "counter", 1)])
    assert scrape(one).value("vllm:g") == 1


def test_what_was_under_way_when_it_was_switched_off_is_not_kept_either() -> None:
    one = relay()

    class SwitchesOff(list[Family]):
        def __iter__(self) -> Iterator[Family]:
            one.configure(RelaySettings(on=False))
            return super().__iter__()

    one.serve("t", "vllm", None, SwitchesOff([family("vllm:g", "gauge", 1)]))
    assert (one.now().text(), one.dropped()) == (b"", {})


def test_other_settings_hold_from_the_next_scrape_on() -> None:
    one = relay()
    both = [family("vllm:a", "gauge", 1), family("vllm:b", "gauge", 1)]
    one.serve("t", "vllm", None, both)
    one.configure(RelaySettings(deny=("vllm:a",)))
    assert names(one) == {"vllm:a", "vllm:b"}
    one.serve("t", "vllm", None, both)
    assert names(one) == {"vllm:b"}


def test_a_scrape_sees_the_state_before_or_after_a_put() -> None:
    one = relay()
    states = [[family(f"vllm:{name}", "gauge", *[number] * 20) for name in "abcdefgh"] for number in range(8)]
    one.serve("t", "vllm", None, states[0])
    stop = threading.Event()

    def keep_putting() -> None:
        while not stop.is_set():
            for state in states:
                one.serve("t", "vllm", None, state)

    writer = threading.Thread(target=keep_putting)
    writer.start()
    seen: set[bytes] = set()
    try:
        while len(seen) < len(states):
            (values,) = Counter(line.rpartition(b" ")[2] for line in one.now().text().splitlines() if not line.startswith(b"#")).items()
            assert values[1] == 8 * 20
            seen.add(values[0])
    finally:
        stop.set()
        writer.join()


@pytest.mark.parametrize("engine", ["vllm", "tgi"])
async def test_every_family_of_an_engine_is_on_ours(engine: str) -> None:
    families = [one for one in await families_of(engine) if one.name.startswith(("vllm:", "tgi_"))]
    one = relay()
    for target in ("a", "b"):
        one.serve(target, engine, None, families)
    seen = scrape(one)
    for target in ("a", "b"):
        ours = {("target", target), ("backend", engine)}
        assert {(name, labels - ours): value for name, series in seen.samples.items() for labels, value in series.items() if ours <= labels} == {
            (sample.name, frozenset(sample.labels)): sample.value for each in families for sample in each.samples
        }
    assert declarations(one.now().text()) == [
        line
        for each in sorted(families, key=lambda each: each.name)
        for line in ([f"# HELP {each.name} {each.help}"] if each.help else []) + [f"# TYPE {each.name} {each.type}"]
    ]
    assert dropped(one, "a") == dropped(one, "b") == {}


async def test_a_histogram_of_a_thousand_buckets_leaves_the_small_families_alone() -> None:
    families = await families_of("tgi")
    small = {each.name for each in families if each.type in ("gauge", "counter")}
    one = relay(series_per_replica=100)
    one.serve("t", "tgi", None, families)
    assert small <= names(one)
    assert "tgi_batch_next_size_bucket" not in names(one)
    assert one.now().series <= 100
    assert dropped(one) == {"budget": sum(len(each.samples) for each in families) - one.now().series}


NAMES = [f"vllm:{stem}{suffix}" for stem in "xy" for suffix in ("", "_total", "_count", "_sum", "_bucket", "_total_total")]
VALUES = st.sampled_from([0.0, 1.0, 2.0, 3.5, -1.0, 1e300, math.inf, -math.inf, math.nan])
BOUNDS = st.sampled_from(["0.1", "1", "1.0", "2.5", "inf", "+Inf", "-1", "NaN", "", "x", *NUMBERS_TO_PYTHON_ALONE])
LABELS = st.dictionaries(st.sampled_from(["a", "le", "quantile", "target", "exported_target", "backend", "replica"]), st.text(max_size=4), max_size=3)


@st.composite
def any_family(draw: st.DrawFn, name: str) -> Family:
    """What `parse` can give: names of samples fit the family's type, and everything else is as odd as can be."""
    kind: FamilyType = draw(st.sampled_from(["counter", "gauge", "histogram", "summary", "unknown"]))
    samples: list[Sample] = []
    for labels in draw(st.lists(LABELS, min_size=1, max_size=3)):
        given_labels = tuple(labels.items())
        if kind == "histogram":
            rest = tuple(pair for pair in given_labels if pair[0] != "le")
            counts = sorted(draw(st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=2, max_size=2)))
            bounds = draw(st.sampled_from([("1", "+Inf"), ("0.5", "inf")]) | st.tuples(BOUNDS, BOUNDS | st.just("+Inf")))
            samples += (Sample(f"{name}_bucket", (*rest, ("le", bound)), value) for bound, value in zip(bounds, counts, strict=True))
            samples += (Sample(f"{name}_count", rest, draw(st.just(counts[-1]) | VALUES)), Sample(f"{name}_sum", rest, draw(VALUES)))
        elif kind == "summary":
            rest = tuple(pair for pair in given_labels if pair[0] != "quantile")
            samples.append(Sample(name, (*rest, ("quantile", draw(BOUNDS))), draw(VALUES)))
            samples += (Sample(name + suffix, rest, draw(VALUES)) for suffix in draw(st.sets(st.sampled_from(["_sum", "_count"]))))
        else:
            samples.append(Sample(name, given_labels, draw(VALUES)))
    unique = {(sample.name, frozenset(sample.labels)): sample for sample in samples}
    return Family(name, kind, draw(st.text(max_size=8)), tuple(unique.values()))


any_page = st.lists(st.sampled_from(NAMES), unique=True, max_size=5).flatmap(lambda chosen: st.tuples(*map(any_family, chosen)))
any_source = st.tuples(st.sampled_from(["t", 'ü\n"']), st.sampled_from([None, "1", "2"]))


@given(puts=st.lists(st.tuples(any_source, any_page), max_size=5), budget=st.integers(1, 40), buckets=st.sampled_from(["used", "all"]))
def test_whatever_engines_say_every_parser_reads_it_and_every_series_is_accounted_for(
    puts: Iterable[tuple[tuple[str, str | None], tuple[Family, ...]]], budget: int, buckets: str
) -> None:
    one = relay(series_per_replica=budget, buckets=buckets)
    for (target, replica), families in puts:
        one.drop(target, replica)
        served, lost = one.now().series, sum(one.dropped().values())
        one.serve(target, "vllm", replica, families)
        offered = sum(len(each.samples) for each in families)
        assert one.now().series - served + sum(one.dropped().values()) - lost == offered
    now = one.now()
    whole = f"{now.openmetrics().decode()}# EOF\n"
    text = [sample for metric in parse_text(now.text().decode()) for sample in metric.samples]
    openmetrics = [sample for metric in parse_openmetrics(whole) for sample in metric.samples]  # type: ignore[no-untyped-call]
    assert len(text) == len(openmetrics) == now.series
    assert len({(sample.name, frozenset(sample.labels.items())) for sample in openmetrics}) == now.series
    assert max(Counter((sample.labels["target"], sample.labels.get("replica")) for sample in openmetrics).values(), default=0) <= budget
