"""The object of Kubernetes, against the schema that the Prometheus Operator publishes."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest

from alerts.forms.alertmanager_config import alertmanager_config_object
from alerts.notifications import NotificationsError
from tests.alerts import notifying
from tests.alerts.notifying import configured
from tests.crds import schema

ALL = (notifying.SLACK, notifying.TEAMS, notifying.PAGERDUTY, notifying.EMAIL, notifying.WEBHOOK)


def validate(built: dict[str, Any]) -> None:
    whole = schema("alertmanagerconfigs")
    jsonschema_rs.validator_for(whole).validate(built)
    route = whole["properties"]["spec"]["properties"]["route"]
    for child in built["spec"]["route"]["routes"]:
        jsonschema_rs.validator_for(route).validate(child)


@pytest.mark.parametrize("receivers", [*((each,) for each in ALL), ALL, (notifying.EMAIL_WITHOUT_LOGIN, notifying.WEBHOOK_AT_URL)])
def test_the_operator_takes_it(receivers: tuple[str, ...]) -> None:
    validate(alertmanager_config_object(configured(*receivers, alertmanager="0.28"), "chatprobe"))


def test_the_schema_takes_no_key_that_there_is_not() -> None:
    built = alertmanager_config_object(configured(notifying.SLACK), "chatprobe")
    built["spec"]["route"]["routes"][0]["group_wait"] = "1s"
    with pytest.raises(jsonschema_rs.ValidationError, match="group_wait"):
        validate(built)


def test_secrets_are_keys_of_the_secret_of_its_name() -> None:
    spec = alertmanager_config_object(configured(*ALL, alertmanager="0.28"), "llm-alerts")["spec"]
    page = next(receiver for receiver in spec["receivers"] if receiver["name"] == "page")
    assert page["slackConfigs"][0]["apiURL"] == {"name": "llm-alerts", "key": "slack-url"}
    assert page["msteamsv2Configs"][0]["webhookURL"] == {"name": "llm-alerts", "key": "teams-url"}
    assert page["pagerdutyConfigs"][0]["routingKey"] == {"name": "llm-alerts", "key": "pagerduty-key"}
    assert page["emailConfigs"][0]["authPassword"] == {"name": "llm-alerts", "key": "email-password"}
    assert page["webhookConfigs"][0] == {"sendResolved": True, "urlSecret": {"name": "llm-alerts", "key": "webhook-url"}}
    assert "/etc/alertmanager" not in json.dumps(spec)


def test_it_says_the_same_as_the_file() -> None:
    built = alertmanager_config_object(configured(notifying.PAGERDUTY, more="ticket: []"), "chatprobe")
    assert built["metadata"]["name"] == "chatprobe"
    assert built["spec"]["route"] == {
        "receiver": "nobody",
        "groupBy": ["alertname", "job"],
        "routes": [
            {
                "receiver": "page",
                "groupBy": ["alertname", "job"],
                "matchers": [{"name": "severity", "matchType": "=", "value": "critical"}],
                "groupWait": "45s",
                "groupInterval": "1m",
                "repeatInterval": "4h",
            }
        ],
    }
    assert built["spec"]["inhibitRules"][0] == {
        "sourceMatch": [{"name": "alertname", "matchType": "=", "value": "LLMProberDown"}],
        "targetMatch": [{"name": "alertname", "matchType": "=~", "value": "LLMSLOAbsent"}],
        "equal": ["job", "instance"],
    }
    (of_a_page,) = (rule for rule in built["spec"]["inhibitRules"] if rule["sourceMatch"][0]["value"] == "LLMBudgetBurnFast")
    assert of_a_page["sourceMatch"][1] == {"name": "slo", "matchType": "!=", "value": ""}


def test_the_operator_knows_no_jira() -> None:
    config = configured(notifying.SLACK, notifying.JIRA, alertmanager="0.28", more="page: [slack]")
    with pytest.raises(NotificationsError) as caught:
        alertmanager_config_object(config, "chatprobe")
    assert str(caught.value) == (
        "alerts.notify.ticket: names Jira, which an AlertmanagerConfig knows nothing of; name another receiver, or use alertmanager.yaml"
    )
    told = configured(notifying.SLACK, notifying.JIRA, alertmanager="0.28", more="page: [slack], ticket: [slack]")
    validate(alertmanager_config_object(told, "chatprobe"))
