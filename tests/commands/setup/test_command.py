"""The command line of ``dayhand setup``: what is wrong is named, and nothing is left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from dayhand.cli import main

WRONG = {  # the arguments, and a part of the sentence
    "no address": (["--user"], "Give --url https://HOST, or --no-public-address."),
    "an address of this machine": (["--url", "http://localhost"], "GitHub cannot reach http://localhost"),
    "not an organization": (["--org", "a/b", "--no-public-address"], "not the name of an organization"),
    "not an enterprise": (["--enterprise-url", "a b", "--no-public-address"], "“a b” is not an address"),
    "a long name": (["--name", "a" * 35, "--no-public-address"], "at most 34 characters"),
    "not a port": (["--port", "99999"], "--port must be a whole number from 1 to 65535, not “99999”"),
    "two owners": (["--org", "a", "--user"], "not allowed with argument --org"),
}


@pytest.mark.parametrize("form", WRONG)
def test_a_wrong_argument_is_named_and_nothing_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    arguments, sentence = WRONG[form]
    monkeypatch.chdir(tmp_path)
    try:
        code = main(["setup", *arguments])
    except SystemExit as ended:
        code = ended.code  # type: ignore[assignment]
    assert code == 2
    assert sentence in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
