from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import pytest

from config.places import MAX_BYTES
from config.problems import ConfigError
from config.quantities import Address
from config.reader import Loaded, find, parse, read, summary
from config.reader import Text as Layer
from probes.ask import Timeouts, Tls
from probes.prompts import Named, Synthetic, Text

MINIMAL = "targets: {vllm: {backend: vllm, url: http://v/}}\nscenarios: {beat: {every: 15s}}\n"


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, environ={})
    return [str(problem) for problem in caught.value.problems]


def test_minimal_takes_every_default() -> None:
    config = parse(MINIMAL).config
    assert config.web.listen == Address("127.0.0.1", 9840)
    assert config.limits.streams == 500
    assert config.limits.streams_per_target == 100
    assert config.targets["vllm"].url == "http://v"
    assert config.targets["vllm"].tls == Tls()
    beat = config.scenarios["beat"]
    assert beat.timeouts == Timeouts()
    assert (beat.every_seconds, beat.prompt, beat.max_tokens) == (15.0, Named("short-question"), 64)
    assert (beat.cache, beat.thinking, beat.connection, beat.exact_length, beat.seed) == ("cold", False, "reuse", False, 1)
    assert list(config.targets_of(beat)) == ["vllm"]


def test_everything_that_can_be_written() -> None:
    text = """
web: {listen: "[::]:9840"}
targets:
  tgi:
    backend: tgi
    url: https://tgi.example.com/prefix/
    model: m
    api: generate
    headers: {X-Tenant: monitoring}
    tls: {server_name: tgi, insecure: true}
  ollama: {backend: ollama, url: "http://[::1]:11434", load_model: true}
scenarios:
  long: {every: 1m30s, prompt: {input_tokens: 256}, max_tokens: 128, targets: [tgi], timeout: 20s, stall_timeout: 500ms,
         cache: warm, thinking: on, connection: fresh, seed: 7}
  own: {every: 6m, prompt: {text: "Why?"}, thinking: true}
slos:
  long: {scenario: long, ttft: 100ms, tpot: 50ms, e2e: 1s, objective: 99.9%, window: 28d}
limits: {streams: 10, streams_per_target: 5}
secret_dirs: [/keys]
"""
    config = parse(text).config
    assert config.web.listen == Address("::", 9840)
    assert config.targets["tgi"].url == "https://tgi.example.com/prefix"
    assert config.targets["tgi"].tls == Tls(server_name="tgi", insecure=True)
    assert config.targets["tgi"].headers["X-Tenant"].get_secret_value() == "monitoring"
    long, own = config.scenarios["long"], config.scenarios["own"]
    assert long.every_seconds == 90
    assert long.prompt == Synthetic(256)
    assert own.prompt == Text("Why?")
    assert long.thinking
    assert own.thinking
    assert long.timeouts == Timeouts(first_token_seconds=20.0, stall_seconds=0.5, total_seconds=20.0)
    assert list(config.targets_of(long)) == ["tgi"]
    assert config.slos["long"].objective == Decimal("0.999")
    assert config.slos["long"].window_seconds == 28 * 86400


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("HTTPS://V.Example.COM:8443/Path/", "https://v.example.com:8443/Path"),
        ("Http://[FD00::1]:8000//", "http://[fd00::1]:8000"),
        ("http://v/a//b/", "http://v/a//b"),
    ],
)
def test_schemes_and_hosts_do_not_mind_case(written: str, url: str) -> None:
    assert parse(MINIMAL.replace("http://v/", f'"{written}"')).config.targets["vllm"].url == url


def test_a_scheme_in_capitals_is_the_same_scheme() -> None:
    secure = "targets: {v: {backend: vllm, url: HTTPS://v, api_key: {env: KEY}, tls: {server_name: s}}}\nscenarios: {b: {every: 15s}}\n"
    assert parse(secure, environ={"KEY": "x"}).warnings == ()
    plain = "targets: {v: {backend: vllm, url: HTTP://v, api_key: {env: KEY}}}\nscenarios: {b: {every: 15s}}\n"
    assert len(parse(plain, environ={"KEY": "x"}).warnings) == 1


def test_what_asks_for_nothing_is_as_good_as_nothing() -> None:
    text = """
web: {config_file: null, lifecycle: false}
targets: {vllm: {backend: vllm, url: http://v}}
credentials: [{host: v, namespace: null, headers: {X: x}}]
scenarios: {beat: {every: 15s, pair: false}}
limits: {streams: 500, tokens_per_hour: null, doubtful: keep, discovered_targets: 200}
workers: auto
metrics: {native_histograms: false}
"""
    bare = MINIMAL + "credentials: [{host: v, headers: {X: x}}]\n"
    assert parse(text).config == parse(bare).config


def test_a_number_of_workers_or_as_many_as_are_needed() -> None:
    assert [parse(MINIMAL + more).config.workers for more in ("", "workers: auto\n", "workers: 1\n", "workers: 64\n")] == ["auto", "auto", 1, 64]
    assert parse(MINIMAL + "workers: null\n").config == parse(MINIMAL).config
    for wrong in ("0", "65", "true", "1.5", "'2'"):
        assert problems(MINIMAL + f"workers: {wrong}\n")[0].startswith("chatprobe.yaml:3:10: workers: is "), wrong


def test_how_many_chats_there_may_be_at_once() -> None:
    def most(more: str) -> int:
        return parse(MINIMAL + more).config.most_streams

    assert most("") == 100
    assert most("limits: {streams_per_target: 800}\n") == 500
    assert most("limits: {streams: 5000}\ndiscovery: {files: ['*.yaml']}\n") == 5000
    assert most("limits: {streams: 5000, discovered_targets: 20}\ndiscovery: {files: ['*.yaml']}\n") == 2100


def test_anchors_and_merge_keys() -> None:
    text = """
targets:
  one: &vllm {backend: vllm, url: http://one, model: m}
  two: {<<: *vllm, url: http://two}
scenarios: {beat: {every: 15s}}
"""
    two = parse(text).config.targets["two"]
    assert (two.url, two.model) == ("http://two", "m")


def test_words_of_yaml_1_1_stay_words() -> None:
    config = parse("targets: {no: {backend: vllm, url: http://v, model: off}}\nscenarios: {12: {every: 15s}}\n").config
    assert config.targets["no"].model == "off"
    assert list(config.scenarios) == ["12"]


class TestFiles:
    def write(self, folder: Path, name: str, text: str) -> Path:
        file = folder / name
        file.write_text(text, encoding="utf-8")
        return file

    def test_later_files_lie_over_earlier_ones(self, tmp_path: Path) -> None:
        base = self.write(tmp_path, "base.yaml", MINIMAL + "limits: {streams: 10, streams_per_target: 5}\n")
        site = self.write(tmp_path, "site.yaml", "targets:\n  vllm: {url: https://site}\n  t: {backend: tgi, url: http://t}\nlimits: {streams: 20}\n")
        config = read([base, site]).config
        assert config.targets["vllm"].url == "https://site"
        assert config.targets["vllm"].backend == "vllm"
        assert list(config.targets) == ["vllm", "t"]
        assert (config.limits.streams, config.limits.streams_per_target) == (20, 5)

    def test_an_error_names_the_file_that_the_value_came_from(self, tmp_path: Path) -> None:
        base = self.write(tmp_path, "base.yaml", MINIMAL + "limits: {streams: 0}\n")
        site = self.write(tmp_path, "site.yaml", "targets:\n  vllm:\n    url: nowhere\n    modle: x\n")
        with pytest.raises(ConfigError) as caught:
            read([base, site])
        assert [(problem.file, problem.line, problem.column, problem.path) for problem in caught.value.problems] == [
            (str(base), 3, 19, "limits.streams"),
            (str(site), 3, 10, "targets.vllm.url"),
            (str(site), 4, 5, "targets.vllm.modle"),
        ]

    def test_every_unreadable_file_is_named(self, tmp_path: Path) -> None:
        broken = self.write(tmp_path, "broken.yaml", "targets: [\n")
        with pytest.raises(ConfigError) as caught:
            read([tmp_path / "missing.yaml", tmp_path, broken])
        assert [str(problem).split("; ")[0] for problem in caught.value.problems] == [
            f"{tmp_path}/missing.yaml: cannot be read: No such file or directory",
            f"{tmp_path}: cannot be read: Is a directory",
            f"{broken}:2:1: is not YAML: while parsing a flow node, expected the node content, but found '<stream end>'",
        ]

    def test_discovery_looks_beside_the_file_that_says_where(self, tmp_path: Path) -> None:
        (tmp_path / "site").mkdir()
        base = self.write(tmp_path, "base.yaml", MINIMAL + "discovery: {files: [base]}\n")
        site = self.write(tmp_path / "site", "site.yaml", "discovery: {files: ['targets/*.yaml', ../b, /c]}\n")
        assert read([base]).config.discovery.files == (str(tmp_path / "base"),)
        files = read([base, site]).config.discovery.files
        assert files == (str(tmp_path / "site" / "targets" / "*.yaml"), str(tmp_path / "b"), "/c")

    def test_too_large(self, tmp_path: Path) -> None:
        file = tmp_path / "big.yaml"
        file.write_bytes(b"# padding\n" * (MAX_BYTES // 10 + 1))
        with pytest.raises(ConfigError, match="larger than 512 KiB"):
            read([file])

    def test_not_utf_8(self, tmp_path: Path) -> None:
        file = tmp_path / "latin.yaml"
        file.write_bytes(b"targets:\n  caf\xe9: 1\n")
        with pytest.raises(ConfigError) as caught:
            read([file])
        assert str(caught.value) == f"{file}:2:6: is not UTF-8 from here on; save the file as UTF-8"

    def test_byte_order_mark(self, tmp_path: Path) -> None:
        file = tmp_path / "bom.yaml"
        file.write_bytes(b"\xef\xbb\xbf" + MINIMAL.encode())
        assert summary(read([file]).config) == "1 target, 1 scenario, 0 SLOs"

    def test_control_character(self) -> None:
        assert problems("targets: {}\nscenarios: \x07\n")[0].startswith("chatprobe.yaml:2:12: is a character that YAML does not allow;")

    def test_aliases_that_unfold_without_end(self) -> None:
        lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
        assert "unfold to more than 50000 values" in problems("\n".join(lines) + "\n")[0]

    def test_merges_that_unfold_without_end(self) -> None:
        lines = ["a0: &a0 {k: v}"] + [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 10)]
        assert "unfold to more than 50000 values" in problems("\n".join(lines) + "\n")[-1]


class TestFind:
    def test_given_files_win(self, tmp_path: Path) -> None:
        assert find([tmp_path / "a", tmp_path / "b"], {"CHATPROBE_CONFIG": "c"}) == (tmp_path / "a", tmp_path / "b")

    def test_then_the_variable_then_here_then_the_users_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        here, home = tmp_path / "here", tmp_path / "home"
        (home / "chatprobe").mkdir(parents=True)
        here.mkdir()
        monkeypatch.chdir(here)
        (here / "chatprobe.yaml").touch()
        (home / "chatprobe" / "chatprobe.yaml").touch()
        environ = {"XDG_CONFIG_HOME": str(home)}
        assert find((), environ | {"CHATPROBE_CONFIG": "elsewhere.yaml"}) == (Path("elsewhere.yaml"),)
        assert find((), environ) == (Path("chatprobe.yaml"),)
        (here / "chatprobe.yaml").unlink()
        assert find((), environ) == (home / "chatprobe" / "chatprobe.yaml",)

    @pytest.mark.skipif(Path("/etc/chatprobe/chatprobe.yaml").exists(), reason="chatprobe is configured on this machine")
    def test_none_names_every_place(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(ConfigError) as caught:
            find((), {"XDG_CONFIG_HOME": str(tmp_path)})
        assert str(caught.value) == (
            f"chatprobe: there is no configuration; looked at --config, $CHATPROBE_CONFIG, chatprobe.yaml, {tmp_path}/chatprobe/chatprobe.yaml, "
            "/etc/chatprobe/chatprobe.yaml; `chatprobe init` writes one to start from"
        )


class TestSecretFiles:
    def load(self, folder: Path, api_key: str, more: str = "") -> Loaded:
        file = folder / "chatprobe.yaml"
        file.write_text(f"targets: {{v: {{backend: vllm, url: https://v, api_key: {api_key}}}}}\nscenarios: {{beat: {{every: 15s}}}}\n{more}")
        return read([file], {"KEY": "x"})

    def test_beside_the_configuration_wherever_it_is_run_from(self, tmp_path: Path) -> None:
        (tmp_path / "keys").mkdir()
        (tmp_path / "keys" / "v").write_text("hunter2\n")
        key = self.load(tmp_path, "{file: keys/v}").config.targets["v"].api_key
        assert key is not None
        assert key.file == str(tmp_path / "keys" / "v")

    def test_below_a_secret_dir(self, tmp_path: Path) -> None:
        conf, keys = tmp_path / "conf", tmp_path / "keys"
        conf.mkdir()
        keys.mkdir()
        (keys / "v").write_text("hunter2")
        with pytest.raises(ConfigError, match="lies outside of the folders"):
            self.load(conf, f"{{file: {keys}/v}}")
        assert self.load(conf, f"{{file: {keys}/v}}", f"secret_dirs: [{keys}]\n").config.secret_dirs == (str(keys),)

    def test_as_kubernetes_mounts_them(self, tmp_path: Path) -> None:
        """A mounted secret's files are links through `..data` to a folder that changes with each update."""
        conf, keys = tmp_path / "conf", tmp_path / "keys"
        conf.mkdir()
        (keys / "..2026_11_20").mkdir(parents=True)
        (keys / "..2026_11_20" / "v").write_text("hunter2")
        (keys / "..data").symlink_to("..2026_11_20")
        (keys / "v").symlink_to("..data/v")
        key = self.load(conf, f"{{file: {keys}/v}}", f"secret_dirs: [{keys}]\n").config.targets["v"].api_key
        assert key is not None
        assert key.file == str(keys / "v"), "the link is kept, so that the next update is seen"

    def test_a_link_does_not_lead_out(self, tmp_path: Path) -> None:
        conf = tmp_path / "conf"
        conf.mkdir()
        (tmp_path / "outside").write_text("hunter2")
        (conf / "v").symlink_to(tmp_path / "outside")
        with pytest.raises(ConfigError, match="lies outside of the folders"):
            self.load(conf, "{file: v}")

    def test_a_loop_of_links(self, tmp_path: Path) -> None:
        (tmp_path / "v").symlink_to("v")
        with pytest.raises(ConfigError, match=r"api_key\.file: "):
            self.load(tmp_path, "{file: v}")

    @pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
    def test_unreadable(self, tmp_path: Path) -> None:
        (tmp_path / "v").write_text("hunter2")
        (tmp_path / "v").chmod(0)
        with pytest.raises(ConfigError, match="cannot be read by the user"):
            self.load(tmp_path, "{file: v}")

    def test_credentials_are_found_by_the_same_rules(self, tmp_path: Path, ca_file: str) -> None:
        (tmp_path / "conf" / "keys").mkdir(parents=True)
        (tmp_path / "conf" / "keys" / "v").write_text("hunter2")
        (tmp_path / "outside").write_bytes(Path(ca_file).read_bytes())
        config = self.load(tmp_path / "conf", "{env: KEY}", "credentials: [{host: v, api_key: {file: keys/v}, tls: {ca_file: ../outside}}]\n").config
        assert config.credentials[0].api_key is not None
        assert config.credentials[0].api_key.file == str(tmp_path / "conf" / "keys" / "v")
        assert config.credentials[0].tls_settings.ca_file == str(tmp_path / "outside")
        with pytest.raises(ConfigError, match=r"credentials\[0\]\.tls\.key_file: lies outside of the folders"):
            self.load(tmp_path / "conf", "{env: KEY}", "credentials: [{host: v, tls: {cert_file: ../outside, key_file: ../outside}}]\n")

    def test_environment(self, tmp_path: Path) -> None:
        key = self.load(tmp_path, "{env: KEY}").config.targets["v"].api_key
        assert key is not None
        assert key.env == "KEY"


def test_files_lie_between_what_is_below_them_and_what_is_above(tmp_path: Path) -> None:
    file = tmp_path / "chatprobe.yaml"
    file.write_text("targets: {a: {backend: vllm, url: http://a}}\nlimits: {streams: 20}\n", encoding="utf-8")
    below = Layer("preset", "scenarios: {beat: {every: 15s}}\nlimits: {streams: 10, streams_per_target: 5}\n")
    above = Layer("--target", "targets: {b: {backend: tgi, url: http://b}}\n")
    loaded = read([file], {}, below=[below], above=[above])
    assert list(loaded.config.targets) == ["a", "b"]
    assert (loaded.config.limits.streams, loaded.config.limits.streams_per_target) == (20, 5)
    assert loaded.files == (file,)


def test_what_is_wrong_is_told_in_the_order_of_the_layers_and_by_their_names(tmp_path: Path) -> None:
    file = tmp_path / "chatprobe.yaml"
    file.write_text("targets: {a: {backend: vllm, url: nowhere}}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read([file], {}, below=[Layer("preset", "scenarios: {beat: {every: 1}}\n")], above=[Layer("--target", "bogus: 1\n")])
    assert [problem.file for problem in caught.value.problems] == ["preset", str(file), "--target"]


def test_no_secret_may_lie_beside_what_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text has no folder: the one where the program stands is none that secrets are read from."""
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "key").write_text("canary", encoding="utf-8")
    (tmp_path / "there").mkdir()
    file = tmp_path / "there" / "chatprobe.yaml"
    file.write_text("scenarios: {beat: {every: 15s}}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path / "here")
    target = Layer("--target", "targets: {a: {backend: vllm, url: http://a, api_key: {file: key}}}\n")
    with pytest.raises(ConfigError, match="lies outside of the folders for secrets"):
        read([file], {}, above=[target])
