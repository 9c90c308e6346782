from __future__ import annotations

from pathlib import Path

import pytest

from config.effective import effective
from config.reader import parse
from config.secrets import SecretError, read_secret
from config.targets import SecretRef


def in_file(tmp_path: Path, content: bytes) -> SecretRef:
    (tmp_path / "key").write_bytes(content)
    return SecretRef(file=str(tmp_path / "key"))


@pytest.mark.parametrize("content", [b"hunter2", b"hunter2\n", b"hunter2\r\n", b"\xef\xbb\xbfhunter2\r\n"])
def test_a_file_without_what_editors_add(tmp_path: Path, content: bytes) -> None:
    assert read_secret(in_file(tmp_path, content)) == "hunter2"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty; write the key into it"),
        (b"\n", "is empty; write the key into it"),
        (b"  \n", "is empty; write the key into it"),
        (b"hunter2\n\n", "holds line breaks or other characters that no header can carry; write the key alone, on one line"),
        (b"hunter2\nhunter2", "holds line breaks or other characters that no header can carry; write the key alone, on one line"),
        (b"\xff\xfe", "is not text; write the key alone, on one line"),
        (b"Bearer hunter2\n", "begins with Bearer, which chatprobe writes itself; write the key alone"),
        (b"hunter2 \n", "begins or ends with a blank, which no header can carry; take it out"),
    ],
)
def test_a_file_that_holds_no_key(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(SecretError) as caught:
        read_secret(in_file(tmp_path, content))
    assert str(caught.value) == f"{tmp_path}/key: {said}"


def test_a_file_that_went_away(tmp_path: Path) -> None:
    with pytest.raises(SecretError) as caught:
        read_secret(SecretRef(file=str(tmp_path / "key")))
    assert str(caught.value) == f"{tmp_path}/key: No such file or directory; name a file that can be read"


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "hunter2")
    assert read_secret(SecretRef(env="KEY")) == "hunter2"
    monkeypatch.delenv("KEY")
    with pytest.raises(SecretError, match=r"^environment variable KEY: is empty; write the key into it$"):
        read_secret(SecretRef(env="KEY"))


def test_secrets_are_never_shown() -> None:
    text = """
targets: {v: {backend: vllm, url: https://v, headers: {X-Key: hunter2}, api_key: {env: KEY}}}
scenarios: {beat: {every: 15s}}
"""
    loaded = parse(text, environ={"KEY": "hunter2"})
    config = loaded.config
    shown = [repr(loaded), str(config), repr(config.targets), str(config.model_dump()), config.model_dump_json(), effective(config)]
    assert not [one for one in shown if "hunter2" in one]
    assert "X-Key: <secret>" in effective(config)
