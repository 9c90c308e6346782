from __future__ import annotations

from config.reader import parse
from config.references import MOST_PAIRED
from traffic.roster import Member, Roster, roster

TEXT = """
targets: {own: {backend: vllm, url: http://own}}
scenarios: {beat: {every: 1m}, race: {every: 1m, pair: true}, few: {every: 1m, pair: true, targets: [own, "t1*"]}}
discovery: {files: [a]}
"""


def whole(discovered: int) -> Roster:
    config = parse(TEXT).config
    return roster(config, {name: Member(config.targets["own"], "files") for name in (f"t{number:02}" for number in range(discovered))})


def test_a_scenario_is_for_all_of_its_targets_and_compares_the_first_of_them() -> None:
    many = whole(30)
    beat, race, few = (many.config.scenarios[name] for name in ("beat", "race", "few"))
    assert (len(many.of(beat)), many.left_out(beat)) == (31, ())
    assert many.of(race) == tuple(many.members)[:MOST_PAIRED]
    assert many.of(race) + many.left_out(race) == tuple(many.members)
    assert (many.of(few), many.left_out(few)) == (("own", *(f"t{number}" for number in range(10, 20))), ())


def test_as_many_as_can_be_compared_are() -> None:
    many = whole(MOST_PAIRED - 1)
    race = many.config.scenarios["race"]
    assert (len(many.of(race)), many.left_out(race)) == (MOST_PAIRED, ())
