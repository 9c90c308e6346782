"""Which shard has which target: all of them together have each once, and a target moves only when it must."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.reader import parse
from traffic.roster import Roster, roster
from traffic.sharding import Part, Shard, read_shard

NAMES = [f"vllm-benchmark/engine-{number}" for number in range(300)]


def fleet(names: list[str], scenarios: str = "beat: {every: 15s}") -> Roster:
    targets = "".join(f'  "{name}": {{backend: vllm, url: "http://{name.replace("/", ".")}"}}\n' for name in names)
    return roster(parse(f"targets:\n{targets}scenarios:\n  {scenarios}\n").config)


def shards(whole: Roster, of: int) -> list[set[str]]:
    return [set(Part(Shard(number, of)).of(whole).members) for number in range(1, of + 1)]


@pytest.mark.parametrize("of", [1, 2, 3, 7])
def test_together_they_have_each_target_once(of: int) -> None:
    found = shards(fleet(NAMES), of)
    assert set().union(*found) == set(NAMES)
    assert sum(map(len, found)) == len(NAMES)


@pytest.mark.parametrize("of", [2, 3, 5])
def test_they_have_about_as_many_each(of: int) -> None:
    sizes = [len(shard) for shard in shards(fleet(NAMES), of)]
    assert max(sizes) < 1.35 * len(NAMES) / of
    assert min(sizes) > 0.65 * len(NAMES) / of


@given(st.integers(1, 8), st.lists(st.text("abc-/0123456789", min_size=1, max_size=20), unique=True, max_size=30))
def test_with_one_shard_more_targets_move_to_it_and_to_no_other(of: int, keys: list[str]) -> None:
    for key in keys:
        before = [number for number in range(1, of + 1) if Shard(number, of).keeps(key)]
        after = [number for number in range(1, of + 2) if Shard(number, of + 1).keeps(key)]
        assert len(before) == len(after) == 1
        assert after in (before, [of + 1])


def test_other_targets_that_come_and_go_move_none() -> None:
    before, after = shards(fleet(NAMES[:200]), 3), shards(fleet(NAMES[100:]), 3)
    for old, new in zip(before, after, strict=True):
        assert old & set(NAMES[100:200]) == new & set(NAMES[100:200])


def test_targets_that_are_compared_stay_together() -> None:
    names = NAMES[:30]
    scenarios = f'race: {{every: 15s, pair: true, targets: ["{names[0]}", "{names[9]}", "{names[20]}"]}}\n  beat: {{every: 15s}}'
    whole = fleet(names, scenarios)
    race = whole.config.scenarios["race"]
    found = [Part(Shard(number, 4)).of(whole) for number in range(1, 5)]
    assert sorted(len(one.of(race)) for one in found) == [0, 0, 0, 3]


def test_scenarios_that_share_a_target_keep_all_of_theirs_together() -> None:
    names = NAMES[:30]
    first = f'one: {{every: 15s, pair: true, targets: ["{names[0]}", "{names[1]}"]}}'
    second = f'two: {{every: 15s, pair: true, targets: ["{names[1]}", "{names[2]}"]}}'
    found = shards(fleet(names, f"{first}\n  {second}"), 5)
    assert [shard for shard in found if shard & set(names[:3])] == [next(shard for shard in found if set(names[:3]) <= shard)]


def test_what_else_is_seen_moves_no_target_that_is_compared() -> None:
    """Two processes that see others come and go at different moments still agree on each target."""
    first = f'ab: {{every: 15s, pair: true, targets: ["{NAMES[0]}", "{NAMES[1]}"]}}'
    second = f'bc: {{every: 15s, pair: true, targets: ["{NAMES[1]}", "{NAMES[2]}"]}}'
    third = f'ef: {{every: 15s, pair: true, targets: ["{NAMES[4]}", "{NAMES[5]}"]}}'
    scenarios = f"{third}\n  {second}\n  {first}"
    everything = fleet(NAMES[:6], scenarios)
    for of in range(2, 20):
        for missing in NAMES[:6]:
            seen = Roster(everything.config, {name: member for name, member in everything.members.items() if name != missing})
            assert shards(seen, of) == [shard - {missing} for shard in shards(everything, of)]


def test_who_does_not_lead_has_none() -> None:
    assert dict(Part(leads=False).of(fleet(NAMES[:3])).members) == {}


def test_how_shards_are_written() -> None:
    assert read_shard("2/3") == Shard(2, 3)


@pytest.mark.parametrize("written", ["", "2", "0/3", "4/3", "a/b", "1/0", "1/2/3", "-1/3", "1/5000"])
def test_what_is_no_shard(written: str) -> None:
    with pytest.raises(ValueError, match="is not a shard; write one like 2/3, the second of three"):
        read_shard(written)
