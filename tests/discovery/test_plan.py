"""What a plan is made of, and how little of it a step of a cluster makes anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from config import credentials, secrets
from config.model import Config
from config.reader import parse
from config.secrets import SecretError
from discovery import files
from discovery.kubernetes.candidates import PassedOver
from discovery.kubernetes.discovery import Seen
from discovery.plan import Plan, plan
from tests.cluster import api
from tests.cluster import objects as o
from tests.discovery.kubernetes.looking import looking, until
from tests.discovery.kubernetes.seeing import found
from tests.discovery.kubernetes.seeing import seen as candidates_of
from traffic.sharding import ALL, Part, Shard

CREDENTIAL = 'credentials: [{namespace: vllm-benchmark, host: "*.svc.cluster.local", api_key: {file: key}}]'


@pytest.fixture(autouse=True)
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text("canary-key\n")
    (tmp_path / "a.targets").write_text("targets: {of-a-file: {backend: tgi, url: http://file}}")
    return path


def configured(folder: Path, more: str = CREDENTIAL, kubeconfig: Path | None = None) -> Config:
    place = f', kubeconfig: "{kubeconfig}"' if kubeconfig else ""
    text = f"""
targets: {{own: {{backend: vllm, url: http://own, api_key: {{file: key}}}}}}
discovery: {{files: ["*.targets", "later/*"], kubernetes: {{namespaces: [vllm-benchmark]{place}}}}}
scenarios: {{beat: {{every: 15s, targets: ["own", "*/vllm-*"]}}}}
limits: {{discovered_targets: 300}}
{more}
"""
    return parse(text, str(folder / "chatprobe.yaml")).config


def seen(config: Config, *names: str) -> Seen:
    chosen, _ = candidates_of(*(o.service(name) for name in names))
    return Seen(True, tuple(found(one, config) for one in chosen.values()))


def keys(made: Plan) -> dict[str, str | None]:
    return {name.removeprefix("vllm-benchmark/"): endpoint.api_key for name, endpoint in made.roster.endpoints.items()}


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often a credential was asked whether it is for a target, a secret was read, a file of targets was read."""
    done: Counter[str] = Counter()

    def count(what: str, holder: object, name: str) -> None:
        real: Callable[..., object] = getattr(holder, name)

        def counted(*arguments: object) -> object:
            done[what] += 1
            return real(*arguments)

        monkeypatch.setattr(holder, name, counted)

    count("matches", credentials.Credential, "matches")
    count("secrets", secrets, "read_secret")
    count("files", files, "read_targets")
    return done


async def test_a_step_of_five_targets_among_two_hundred_is_about_these_five_alone(tmp_path: Path, work: Counter[str]) -> None:
    cluster = api.Cluster()
    with api.serving(cluster) as url:
        config = configured(tmp_path, kubeconfig=api.kubeconfig(tmp_path, url))
        cluster.put(*(o.service(f"vllm-{number}") for number in range(195)))
        async with looking(config) as discovery:
            before = plan(config, seen=await until(discovery, lambda seen: len(seen.engines) == 195))
            assert work == {"matches": 195 + 1, "secrets": 1, "files": 1}, "a secret that all of them are shown is read once"
            work.clear()
            cluster.put(*(o.service(f"vllm-new-{number}") for number in range(5)))
            await until(discovery, lambda seen: len(seen.engines) == 200)
            after = before.with_engines(discovery.seen, ALL)
            assert work == {"matches": 5}
            gone = after.with_engines(Seen(True, discovery.seen.engines[5:]), ALL)
    assert work == {"matches": 5}
    assert set(keys(after).values()) == {"canary-key", None}
    assert len(after.roster.members) == len(before.roster.members) + 5 == len(gone.roster.members) + 5
    assert [name for name, member in before.roster.members.items() if after.roster.members[name] is not member] == []


def test_a_target_that_changes_is_made_anew_and_no_other(tmp_path: Path) -> None:
    config = configured(tmp_path)
    services = [o.service("vllm-a"), o.service("vllm-b")]
    chosen, _ = candidates_of(*services)
    changed, _ = candidates_of(*services, o.endpoint_slice("vllm-b", "10.0.0.1"))
    before, after = (Seen(True, tuple(found(one, config) for one in all_.values())) for all_ in (chosen, changed))
    first = plan(config, seen=before)
    second = first.with_engines(after, ALL)
    assert second.roster.members["vllm-benchmark/vllm-a"] is first.roster.members["vllm-benchmark/vllm-a"]
    assert [page.url for page in second.roster.members["vllm-benchmark/vllm-b"].pages] == ["http://10.0.0.1:8000/metrics"]


def test_a_secret_that_changes_is_read_by_a_plan_and_by_no_step(tmp_path: Path, key: Path) -> None:
    config = configured(tmp_path)
    first = plan(config, seen=seen(config, "vllm-a"))
    key.write_text("rotated\n")
    more = seen(config, "vllm-a", "vllm-b")
    assert keys(first.with_engines(more, ALL)) == {"own": "canary-key", "of-a-file": None, "vllm-a": "canary-key", "vllm-b": "canary-key"}
    assert keys(plan(config, seen=more)) == {"own": "rotated", "of-a-file": None, "vllm-a": "rotated", "vllm-b": "rotated"}


def test_a_secret_that_cannot_be_read_is_tried_again_by_the_next_step(tmp_path: Path) -> None:
    late = tmp_path / "late"
    late.write_text("late-key")
    config = configured(tmp_path, CREDENTIAL.replace("file: key", "file: late"))
    late.unlink()
    first = plan(config)
    with pytest.raises(SecretError, match="late: No such file"):
        first.with_engines(seen(config, "vllm-a"), ALL)
    late.write_text("late-key")
    assert keys(first.with_engines(seen(config, "vllm-a"), ALL))["vllm-a"] == "late-key"


def test_engines_that_were_found_under_other_credentials_are_shown_what_those_in_force_say(tmp_path: Path) -> None:
    """Discovery may still give what it found before a reload."""
    (tmp_path / "other").write_text("other-key")
    before, after, without = (configured(tmp_path, text) for text in (CREDENTIAL, CREDENTIAL.replace("file: key", "file: other"), ""))
    of_before = seen(before, "vllm-a")
    assert keys(plan(before, seen=of_before))["vllm-a"] == "canary-key"
    for made in (plan(after, seen=of_before), plan(after).with_engines(of_before, ALL)):
        assert keys(made)["vllm-a"] == "other-key"
    for made in (plan(without, seen=of_before), plan(without).with_engines(of_before, ALL)):
        assert keys(made)["vllm-a"] is None


def test_files_are_read_again_where_they_changed_and_what_is_in_the_cluster_stays(tmp_path: Path, work: Counter[str]) -> None:
    config = configured(tmp_path)
    one = seen(config, "vllm-a")
    first = plan(config, seen=one)
    (tmp_path / "a.targets").write_text("targets: {of-a-file: {backend: tgi, url: http://vllm-a.vllm-benchmark.svc.cluster.local:8000}}")
    work.clear()
    second = first.with_files(one, ALL)
    assert list(second.roster.members) == ["own", "of-a-file"]
    assert second.enrolment.passed_over == (PassedOver("vllm-benchmark/vllm-a", "its URL is that of of-a-file already"),)
    (tmp_path / "a.targets").write_text("targets: {}")
    third = second.with_files(one, ALL)
    assert third.roster.members["vllm-benchmark/vllm-a"] == first.roster.members["vllm-benchmark/vllm-a"]
    assert (work["files"], work["secrets"]) == (2, 0)


def test_of_all_targets_a_process_has_its_part_and_what_was_discovered_is_known_of_all(tmp_path: Path) -> None:
    config = configured(tmp_path)
    both = [plan(config, seen=seen(config, *"abcdef"), part=Part(Shard(number, 2))) for number in (1, 2)]
    assert sum(len(one.roster.members) for one in both) == 8
    assert [len(one.cluster.members) for one in both] == [6, 6]
    assert dict(both[0].with_engines(seen(config, *"abcdef"), Part(leads=False)).roster.members) == {}


def test_what_is_idle_is_told_of_each_source(tmp_path: Path) -> None:
    config = configured(tmp_path)
    first = plan(config, seen=seen(config, "vllm-a", "tgi"))
    later = str(tmp_path / "later" / "*")
    assert (first.idle.patterns, first.idle.targets) == ((later,), ("of-a-file", "vllm-benchmark/tgi"))
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "one").write_text("targets: {}")
    assert first.with_engines(seen(config, "vllm-a"), ALL).idle.patterns == (later,), "files are not looked for in a step"
    assert first.with_files(seen(config, "vllm-a"), ALL).idle.lines()
    assert first.with_files(seen(config, "vllm-a"), ALL).idle.patterns == ()


def test_without_a_cluster_in_the_configuration_nothing_of_one_is_taken(tmp_path: Path) -> None:
    of_a_cluster = configured(tmp_path)
    config = parse("targets: {own: {backend: vllm, url: http://own}}\nscenarios: {beat: {every: 15s}}", str(tmp_path / "c.yaml")).config
    made = plan(config, seen=seen(of_a_cluster, "vllm-a"))
    assert (list(made.roster.members), made.cluster.looked) == (["own"], False)
