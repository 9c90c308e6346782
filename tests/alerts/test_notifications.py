"""The file for Alertmanager: what it has in it, and that Alertmanager takes it and routes by it."""

from __future__ import annotations

import json
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.forms.alertmanager import alertmanager_yml
from alerts.messages import HTML, JIRA, MARKDOWN, MOST, PLAIN, SLACK, TITLE, Markup, both
from alerts.notifications import NotificationsError, usual_timings
from alerts.windows import DAY, Severity
from config.model import Config
from config.reader import parse
from tests.alerts import notifying
from tests.alerts.notifying import amtool, configured

KNOWN_TO_0_25 = (notifying.SLACK, notifying.PAGERDUTY, notifying.EMAIL, notifying.WEBHOOK_AT_URL)


def read(config: Config) -> Any:
    return yaml.safe_load(alertmanager_yml(config))


def integrations(config: Config) -> dict[str, Any]:
    """Those of the receiver of pages."""
    page = next(receiver for receiver in read(config)["receivers"] if receiver["name"] == "page")
    return {key: value[0] for key, value in page.items() if key != "name"}


@pytest.mark.prometheus
@pytest.mark.parametrize(
    "receivers",
    [*chain.from_iterable(combinations(KNOWN_TO_0_25, count) for count in range(1, 5)), (notifying.EMAIL_WITHOUT_LOGIN,)],
    ids=lambda receivers: "-".join(receiver.partition(":")[0] for receiver in receivers),
)
def test_alertmanager_takes_every_combination(receivers: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "alertmanager.yml"
    file.write_text(alertmanager_yml(configured(*receivers)))
    assert "SUCCESS" in amtool("check-config", str(file))


@pytest.mark.prometheus
@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ("severity=critical alertname=LLMTargetDown", "page"),
        ("severity=warning alertname=LLMStreamStalled", "ticket"),
        ("severity=info alertname=LLMTTFTRegression", "info"),
        ("alertname=Other", "nobody"),
    ],
)
def test_alertmanager_routes_by_severity(labels: str, receiver: str, tmp_path: Path) -> None:
    file = tmp_path / "alertmanager.yml"
    file.write_text(alertmanager_yml(configured(notifying.SLACK, notifying.PAGERDUTY)))
    assert amtool("config", "routes", "test", f"--config.file={file}", *labels.split()).strip() == receiver


def test_info_is_for_nobody_unless_somebody_asks() -> None:
    content = read(configured(notifying.SLACK, notifying.PAGERDUTY, more="info: []"))
    assert [route["receiver"] for route in content["route"]["routes"]] == ["page", "ticket"]
    assert [receiver["name"] for receiver in content["receivers"]] == ["nobody", "page", "ticket"]
    assert content["receivers"][0] == {"name": "nobody"}


def test_left_out_pages_reach_all_and_tickets_wake_nobody() -> None:
    _, page, ticket = read(configured(notifying.SLACK, notifying.PAGERDUTY, more="info: []"))["receivers"]
    assert set(page) == {"name", "slack_configs", "pagerduty_configs"}
    assert set(ticket) == {"name", "slack_configs"}


def test_groups_and_times() -> None:
    route = read(configured(notifying.SLACK))["route"]
    assert route["group_by"] == ["alertname", "job"]
    assert route["routes"][0] == {
        "receiver": "page",
        "matchers": ['severity="critical"'],
        "group_wait": "45s",
        "group_interval": "1m",
        "repeat_interval": "4h",
    }
    assert [each["repeat_interval"] for each in route["routes"]] == ["4h", "1d", "3d"]


def test_the_first_message_waits_for_another_evaluation() -> None:
    alerts = configured(notifying.SLACK).alerts.model_copy(update={"evaluation_interval_seconds": 119.5})
    assert usual_timings(alerts)[Severity.PAGE].group_wait_seconds == 120 + 15
    assert usual_timings(alerts)[Severity.TICKET].group_wait_seconds == 120 + 15


def test_reminders_come_before_alertmanager_forgets() -> None:
    timings = usual_timings(configured(notifying.SLACK).alerts)
    assert max(timing.repeat_interval_seconds for timing in timings.values()) < 5 * DAY


def test_every_secret_is_in_a_file() -> None:
    receivers = (notifying.SLACK, notifying.TEAMS, notifying.PAGERDUTY, notifying.EMAIL, notifying.WEBHOOK, notifying.JIRA)
    found = integrations(configured(*receivers, alertmanager="0.28"))
    folder = "/etc/alertmanager/secrets"
    assert found["slack_configs"]["api_url_file"] == f"{folder}/slack-url"
    assert found["msteamsv2_configs"]["webhook_url_file"] == f"{folder}/teams-url"
    assert found["pagerduty_configs"]["routing_key_file"] == f"{folder}/pagerduty-key"
    assert found["email_configs"]["auth_password_file"] == f"{folder}/email-password"
    assert found["webhook_configs"] == {"send_resolved": True, "url_file": f"{folder}/webhook-url"}
    assert found["jira_configs"]["http_config"] == {"authorization": {"type": "Bearer", "credentials_file": f"{folder}/jira-token"}}


def test_secrets_in_another_folder() -> None:
    config = configured(notifying.SLACK, more="secrets_dir: /run/secrets/")
    assert integrations(config)["slack_configs"]["api_url_file"] == "/run/secrets/slack-url"


def test_what_is_over_is_told_too() -> None:
    found = integrations(configured(*KNOWN_TO_0_25, notifying.TEAMS, alertmanager="0.28"))
    assert len(found) == 5
    assert all(settings["send_resolved"] is True for settings in found.values())


def test_teams_takes_the_form_of_workflows() -> None:
    found = integrations(configured(notifying.TEAMS, alertmanager="0.28"))
    assert set(found) == {"msteamsv2_configs"}
    assert set(found["msteamsv2_configs"]) == {"send_resolved", "title", "text", "webhook_url_file"}


def test_jira_cloud_wants_the_user_of_the_token() -> None:
    jira = integrations(configured(notifying.JIRA_CLOUD, alertmanager="0.28"))["jira_configs"]
    assert set(jira) == {"api_url", "project", "issue_type", "summary", "description", "http_config"}
    assert (jira["api_url"], jira["project"], jira["issue_type"]) == ("https://example.atlassian.net/rest/api/2", "LLM", "Task")
    assert jira["http_config"] == {"basic_auth": {"username": "bot@example.com", "password_file": "/etc/alertmanager/secrets/jira-token"}}


def test_nobody_to_tell() -> None:
    config = parse("targets: {v: {backend: vllm, url: http://v}}\nscenarios: {beat: {every: 15s}}\n").config
    with pytest.raises(NotificationsError, match=r'^alerts\.notify: is missing; write notify: \{receivers: \{slack: \{channel: "#llm-alerts"\}\}\}$'):
        alertmanager_yml(config)


def rendered(template: str, alerts: list[dict[str, Any]], folder: Path, kind: str = "text") -> str:
    """What Alertmanager makes of a template for a group of these alerts."""
    data, empty = folder / "data.json", folder / "empty.tmpl"
    status = "firing" if any(alert["status"] == "firing" for alert in alerts) else "resolved"
    data.write_text(json.dumps({"status": status, "alerts": alerts, "groupLabels": {"alertname": "LLMTargetDown", "job": "chatprobe"}}))
    empty.write_text('{{ define "nothing" }}{{ end }}')
    return amtool(
        "template",
        "render",
        f"--template.glob={empty}",
        f"--template.data={data}",
        f"--template.type={kind}",
        f"--template.text={template}",
    )


def alert(target: str, status: str = "firing") -> dict[str, Any]:
    annotations = {
        "summary": f"{target} is down",
        "description": "No chat succeeded.",
        "runbook_url": "https://r/down",
        "dashboard_url": "https://g/d?a=1&b=2",
    }
    return {"status": status, "labels": {"target": target}, "annotations": annotations}


@pytest.mark.prometheus
@pytest.mark.parametrize(
    ("markup", "kind", "expected"),
    [
        (SLACK, "text", "*vllm is down*\nNo chat succeeded.\n<https://r/down|Runbook> <https://g/d?a=1&b=2|Dashboard>\nResolved: tgi is down\n"),
        (
            MARKDOWN,
            "text",
            "**vllm is down**\n\nNo chat succeeded.\n\n[Runbook](https://r/down) [Dashboard](https://g/d?a=1&b=2)\n\nResolved: tgi is down\n\n",
        ),
        (JIRA, "text", "*vllm is down*\nNo chat succeeded.\n[Runbook|https://r/down] [Dashboard|https://g/d?a=1&b=2]\nResolved: tgi is down\n"),
        (PLAIN, "text", "vllm is down\nNo chat succeeded.\nRunbook: https://r/down Dashboard: https://g/d?a=1&b=2\nResolved: tgi is down\n"),
        (
            HTML,
            "html",
            '<b>vllm is down</b><br>\nNo chat succeeded.<br>\n<a href="https://r/down">Runbook</a> <a href="https://g/d?a=1&amp;b=2">Dashboard</a><br>\n'
            "Resolved: tgi is down<br>\n",
        ),
    ],
    ids=["slack", "teams", "jira", "plain", "html"],
)
def test_a_message_has_summary_description_and_links(markup: Markup, kind: str, expected: str, tmp_path: Path) -> None:
    assert rendered(both(markup), [alert("vllm"), alert("tgi", "resolved")], tmp_path, kind) == expected


@pytest.mark.prometheus
def test_an_alert_without_links_has_none(tmp_path: Path) -> None:
    assert rendered(both(SLACK), [{"status": "firing", "annotations": {"summary": "A", "description": "B"}}], tmp_path) == "*A*\nB\n \n"


@pytest.mark.prometheus
def test_a_long_message_says_how_many_there_are(tmp_path: Path) -> None:
    alerts = [alert(f"t{number}", status) for status in ("firing", "resolved") for number in range(MOST + 2)]
    text = rendered(both(PLAIN), alerts, tmp_path)
    assert text.count("No chat succeeded.") == MOST
    assert text.count("Resolved: ") == MOST
    assert text.count("… 12 in all\n") == 2


@pytest.mark.prometheus
def test_titles(tmp_path: Path) -> None:
    assert rendered(TITLE, [alert("vllm"), alert("tgi"), alert("ollama", "resolved")], tmp_path) == "2 firing: LLMTargetDown (chatprobe)"
    assert rendered(TITLE, [alert("vllm", "resolved")], tmp_path) == "Resolved: LLMTargetDown (chatprobe)"
