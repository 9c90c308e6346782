from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.check import command
from tests.engine_lists import filled

GOOD = "targets: {v: {backend: vllm, url: http://v, metrics: false}}\nscenarios: {beat: {every: 15s}}\n"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.delenv("CHATPROBE_CONFIG", raising=False)
    monkeypatch.setenv("KEY", "hunter2")


def check(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def test_ok() -> None:
    Path("a.yaml").write_text(GOOD + "slos: {s: {scenario: beat, objective: 99%}}\n")
    Path("b.yaml").write_text(GOOD)
    result = check("a.yaml", "b.yaml")
    assert result.exit_code == 0
    assert result.stdout == "a.yaml: ok (1 target, 1 scenario, 1 SLO)\nb.yaml: ok (1 target, 1 scenario, 0 SLOs)\n"
    assert result.stderr == ""


def test_every_error_of_every_file() -> None:
    Path("a.yaml").write_text(GOOD + "limits: {streams: 0, stream: 1}\n")
    Path("b.yaml").write_text("- x\n")
    Path("c.yaml").write_text(GOOD)
    result = check("a.yaml", "b.yaml", "c.yaml")
    assert result.exit_code == 1
    assert result.stdout == "c.yaml: ok (1 target, 1 scenario, 0 SLOs)\n"
    assert result.stderr.splitlines() == [
        "a.yaml:3:19: limits.streams: is too small; write 1 or more",
        "a.yaml:3:22: limits.stream: is no key here; did you mean streams?",
        "b.yaml:1:1: is no map of sections; write targets: and scenarios: at the left margin",
    ]


def test_warnings_are_no_errors() -> None:
    Path("a.yaml").write_text(GOOD.replace("http://v", "https://v, tls: {insecure: true}"))
    result = check("a.yaml")
    assert result.exit_code == 0
    assert result.stderr == "a.yaml:1:62: targets.v.tls.insecure: accepts any certificate, an attacker's too; write ca_file: PATH (warning)\n"


def test_overlay() -> None:
    Path("a.yaml").write_text(GOOD)
    Path("b.yaml").write_text("targets: {w: {backend: tgi, url: http://w}}\n")
    result = check("--overlay", "a.yaml", "b.yaml")
    assert result.exit_code == 0
    assert result.stdout == "a.yaml + b.yaml: ok (2 targets, 1 scenario, 0 SLOs)\n"


def test_without_a_file_the_one_that_serve_would_find() -> None:
    result = check()
    assert result.exit_code == 1
    assert "there is no configuration; looked at --config, $CHATPROBE_CONFIG, chatprobe.yaml" in result.stderr
    Path("chatprobe.yaml").write_text(GOOD)
    assert check().stdout == "chatprobe.yaml: ok (1 target, 1 scenario, 0 SLOs)\n"


def test_print_hides_secrets() -> None:
    Path("a.yaml").write_text(GOOD.replace("http://v", "https://v, headers: {X-Key: hunter2}, api_key: {env: KEY}"))
    result = check("--print", "a.yaml")
    assert result.exit_code == 0
    assert "X-Key: <secret>" in result.stdout
    assert "every: 15s" in result.stdout
    assert "hunter2" not in result.output


def test_thresholds_that_add_boundaries_are_told() -> None:
    Path("a.yaml").write_text(GOOD + "slos: {s: {scenario: beat, ttft: 180ms, tpot: 50ms, e2e: 2600ms, objective: 99%}}\n")
    Path("b.yaml").write_text(GOOD + "slos: {s: {scenario: beat, ttft: 200ms, objective: 99%}}\n")
    result = check("a.yaml", "b.yaml")
    assert result.exit_code == 0
    assert result.stderr == (
        "a.yaml: slos add bucket boundaries: chatprobe_ttft_seconds 0.18, chatprobe_e2e_seconds 2.6; "
        "an exporter that is running starts such a histogram anew when it loads a change of them (note)\n"
    )


def test_what_is_not_served_on_of_the_engines_metrics_is_told() -> None:
    Path("a.yaml").write_text(
        "targets: {o: {backend: openai, url: http://o}, t: {backend: tgi, url: http://t, metrics: {urls: [http://a, http://b]}}, "
        "v: {backend: vllm, url: http://v}}\nscenarios: {beat: {every: 15s}}\n"
    )
    assert check("a.yaml").stderr == (
        "a.yaml: native.buckets: used leaves out buckets that nothing uses, about 60 of the 330 series of vLLM "
        "and about 1170 of the 1860 series of TGI; averages stay, and all serves them (note)\n"
    )
    for other in ("buckets: all", "relay: false"):
        Path("b.yaml").write_text(f"native: {{{other}}}\n")
        assert check("--overlay", "a.yaml", "b.yaml").stderr == ""


def test_what_a_reload_would_change() -> None:
    Path("running.yaml").write_text(
        "targets: {gone: {backend: vllm, url: http://g}, moved: {backend: vllm, url: http://m}, v: {backend: vllm, url: http://v}}\n"
        "scenarios: {beat: {every: 15s}}\n"
        "slos: {s: {scenario: beat, ttft: 200ms, objective: 99%}}\n"
    )
    Path("new.yaml").write_text(
        "web: {listen: '[::]:9840'}\n"
        "targets: {moved: {backend: vllm, url: http://n}, v: {backend: vllm, url: http://v}, w: {backend: tgi, url: http://w}}\n"
        "scenarios: {beat: {every: 30s}, chat: {users: 5}}\n"
        "slos: {s: {scenario: beat, ttft: 180ms, objective: 99%}}\n"
        "limits: {streams: 100}\n"
    )
    result = check("new.yaml", "--against", "running.yaml")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "new.yaml: ok (3 targets, 2 scenarios, 1 SLO)",
        "new.yaml: a reload would change this where running.yaml is running:",
        "  targets added: w",
        "  targets removed: gone",
        "  targets changed: moved",
        "  scenarios added: chat",
        "  scenarios changed: beat",
        "  slos changed: s",
        "  settings changed: limits.streams",
        "  needs a restart: web.listen",
        "  histograms that begin anew: chatprobe_ttft_seconds",
    ]


def test_a_reload_that_changes_nothing() -> None:
    Path("a.yaml").write_text(GOOD)
    Path("b.yaml").write_text(GOOD.replace("15s", "0.25m"))
    result = check("b.yaml", "--against", "a.yaml")
    assert result.stdout.splitlines()[1:] == ["b.yaml: a reload would change nothing where a.yaml is running"]


def test_layers_that_are_running_and_a_printed_configuration() -> None:
    Path("a.yaml").write_text(GOOD)
    Path("b.yaml").write_text("limits: {streams: 100}\n")
    result = check("--print", "a.yaml", "--against", "a.yaml", "--against", "b.yaml")
    assert result.stdout.startswith("# a.yaml\nweb:")
    assert result.stderr == "a.yaml: a reload would change this where a.yaml + b.yaml is running:\n  settings changed: limits.streams\n"


def test_a_running_configuration_that_cannot_be_read() -> None:
    Path("a.yaml").write_text(GOOD)
    result = check("a.yaml", "--against", "missing.yaml")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == "missing.yaml: cannot be read: No such file or directory; name a file that can\n"


DISCOVERING = GOOD.replace("15s", "15s, targets: [v, t*]") + 'discovery: {files: ["targets/*.yaml", "late.json"]}\n'


def test_files_of_discovered_targets_are_looked_at() -> None:
    Path("a.yaml").write_text(DISCOVERING)
    Path("targets").mkdir()
    here = Path.cwd()
    Path("targets/1.yaml").write_text(
        "targets: {t1: {backend: vllm, url: http://t}, v: {backend: vllm, url: http://t}, x: {backend: vllm, url: http://x}}\n"
    )
    Path("targets/2.yaml").write_text("targets: {t2: {backend: vllm, url: nonsense}}\n")
    result = check("a.yaml")
    assert result.exit_code == 0
    assert result.stdout == "a.yaml: ok (1 target, 1 scenario, 0 SLOs; 2 targets discovered)\n"
    broken, shadowed, missing, unnamed = [line for line in result.stderr.splitlines() if "targets.v.url" not in line]
    assert broken.startswith(f"{here}/targets/2.yaml:1:36: targets.t2.url: is not a URL of an engine")
    assert "v: taken already, by the configuration" in shadowed
    assert missing == f"discovery.files: {here}/late.json matches no file now; mend it, unless the file is to come later (warning)"
    assert unnamed == "discovered, and in no scenario: x; name them in targets of one, or leave its targets out (warning)"
    assert all(line.endswith(" (warning)") for line in result.stderr.splitlines())


def test_a_file_of_targets_is_recognised_in_either_form() -> None:
    Path("own.yaml").write_text("targets: {t: {backend: vllm, url: http://t}, u: {backend: tgi, url: http://u}}\n")
    Path("sd.json").write_text('[\n\t{"targets": ["t:8000"], "labels": {"backend": "vllm"}}\n]\n')
    Path("none.json").write_text("[]")
    Path("chatprobe.yaml").write_text(Path("own.yaml").read_text())
    assert "chatprobe.yaml:1:1: scenarios: is missing" in check().stderr
    result = check("own.yaml", "sd.json", "none.json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "own.yaml: ok as a file of targets for discovery (2 targets); a configuration has scenarios too",
        "sd.json: ok as a file of targets for discovery (1 target); a configuration has scenarios too",
        "none.json: ok as a file of targets for discovery (0 targets); a configuration has scenarios too",
    ]


def test_a_file_of_targets_is_checked_as_one() -> None:
    Path("own.yaml").write_text("targets: {t: {backend: vllm, url: http://t, api_key: {env: KEY}}}\n")
    Path("sd.json").write_text('[{"targets": ["t:8000"]}]\n')
    result = check("own.yaml", "sd.json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        "own.yaml:1:45: targets.t.api_key: is not taken from here; write it under credentials in the main configuration",
        filled("sd.json:1:2: [0].labels: has no label backend; write backend: vllm (or {other backends})"),
    ]
