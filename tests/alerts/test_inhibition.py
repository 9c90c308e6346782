from __future__ import annotations

import re
from pathlib import Path

from alerts.inhibition import INHIBITIONS, NO_SYMPTOMS
from alerts.rule import Alert
from alerts.rules import rules
from config.reader import parse
from config.starters import starter

PAGE = (Path(__file__).parents[2] / "docs" / "notifications.md").read_text(encoding="utf-8")


def silenced_by(source: str) -> set[str]:
    return {target for inhibition in INHIBITIONS if inhibition.source == source for target in inhibition.targets}


def test_every_alert_is_silenced_by_a_cause_or_is_no_symptom_of_any() -> None:
    there = {rule.name for group in rules(parse(starter("default")).config).groups for rule in group.rules if isinstance(rule, Alert)}
    silenced = {name for inhibition in INHIBITIONS for name in inhibition.targets}
    assert {inhibition.source for inhibition in INHIBITIONS} <= there
    assert silenced | NO_SYMPTOMS.keys() == there
    assert not silenced & NO_SYMPTOMS.keys()


def test_a_rule_leaves_out_what_it_is_said_to() -> None:
    """Where an inhibition would hide the end of a page, the rule itself has to leave out what another one has told of."""
    expressions = {
        rule.name: rule.expr for group in rules(parse(starter("default")).config).groups for rule in group.rules if isinstance(rule, Alert)
    }
    for name, why in NO_SYMPTOMS.items():
        for other in re.findall(r"LLM\w+", why):
            assert "unless on (job, target, backend, model" in expressions[name]
            assert f'ALERTS{{alertname="{other}"' in expressions[name]


def test_no_alert_silences_itself_not_even_through_others() -> None:
    reached = {inhibition.source: silenced_by(inhibition.source) for inhibition in INHIBITIONS}
    for source, found in reached.items():
        waiting = list(found)
        while waiting:
            new = silenced_by(waiting.pop()) - found
            found |= new
            waiting += new
        assert source not in found


def test_only_what_is_about_the_same_target_or_slo() -> None:
    for inhibition in INHIBITIONS:
        assert inhibition.equal[0] == "job"
        assert inhibition.present in inhibition.equal[1:] or inhibition.equal == ("job", "instance")


def test_a_dead_target_silences_its_symptoms_but_not_what_may_be_the_cause_nor_pages_whose_end_must_be_told() -> None:
    silent = silenced_by("LLMTargetDown")
    assert {"LLMBudgetBurnTicket", "LLMStreamStalled", "LLMQueueGrowing"} <= silent
    assert not silent & {"LLMBudgetBurnFast", "LLMBudgetBurnSlow"}
    assert not silent & {"LLMErrorBudgetExhausted", "LLMCertificateExpiresSoon", "LLMModelMissing", "LLMProberDown", "LLMConfigReloadFailed"}


def test_a_missing_model_silences_the_dead_target_too() -> None:
    assert silenced_by("LLMModelMissing") == silenced_by("LLMTargetDown") | {"LLMTargetDown"}


def test_the_documentation_has_every_rule() -> None:
    rows = dict(re.findall(r"^\| `(LLM\w+)` \| (.*) \|$", PAGE, re.MULTILINE))
    symptoms = set(re.findall(r"`(LLM\w+)`", PAGE[PAGE.index("The symptoms:") :].partition(". Alertmanager takes")[0]))
    assert symptoms == silenced_by("LLMTargetDown")
    assert list(rows) == [inhibition.source for inhibition in INHIBITIONS]
    for inhibition in INHIBITIONS:
        silent, _, equal = rows[inhibition.source].partition(" | ")
        named = set(re.findall(r"`(LLM\w+)`", silent)) | (symptoms if "symptoms" in silent else set())
        assert named == set(inhibition.targets)
        assert equal == ", ".join(f"`{label}`" for label in inhibition.equal)
