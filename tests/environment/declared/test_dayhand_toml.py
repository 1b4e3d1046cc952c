"""``.dayhand.toml``: the maintainers' decisions, and a sentence for everything that is not valid."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from dayhand.environment.declared.dayhand_toml import RepoConfig, read_config


@dataclass
class OneFile:
    text: str

    def paths(self) -> tuple[str, ...]:
        return (".dayhand.toml",)

    def read(self, path: str) -> str:
        return self.text if path == ".dayhand.toml" else ""


def test_without_a_file_nothing_is_decided() -> None:
    assert read_config(OneFile("")) == RepoConfig()


def test_the_effort_is_one_that_models_know() -> None:
    assert read_config(OneFile('[work]\neffort = "xhigh"')) == RepoConfig(effort="xhigh")
    assert read_config(OneFile('[work]\nplan = "always"')) == RepoConfig(plan_first=True)


def test_hosts_are_allowed_once_each() -> None:
    text = '[network]\nallow = ["files.example.org", "*.cdn.example.org", "files.example.org"]\n'
    assert read_config(OneFile(text)) == RepoConfig(("files.example.org", "*.cdn.example.org"))


@pytest.mark.parametrize(
    "host",
    [
        '"*"',
        '"*.*.org"',
        '"localhost"',
        '"http://x.org"',
        '"x.org:22"',
        '"X.org"',
        '"a b.org"',
        '"x.org\\u0000.y.org"',
        "7",
        '"-x.org"',
    ],
)
def test_what_is_no_host_is_named_and_passed_over(host: str) -> None:
    config = read_config(OneFile(f'[network]\nallow = [{host}, "good.example.org"]\n'))
    assert config.allow == ("good.example.org",)
    (problem,) = config.problems
    assert "must be a host name" in problem


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[network", "is not valid TOML"),
        ('[work]\neffort = "lots"', "work.effort must be one of none, minimal, low"),
        ("[work]\nplan = true", 'work.plan must be "always"'),
        ("[work]\neffort = 7", "work.effort must be one of none, minimal, low"),
        ("network = 3", "network must be a table"),
        ("[netwrok]\nallow = []", "[netwrok] is not a known section"),
        ('[network]\nalow = ["x.org"]', "network.alow is not a known setting"),
    ],
)
def test_what_is_not_understood_is_said(text: str, says: str) -> None:
    config = read_config(OneFile(text))
    assert config.allow == ()
    assert says in config.problems[0]


def test_set_up_and_checks_are_one_command_or_several() -> None:
    text = '[setup]\nrun = "make deps"\n[checks]\nlint = ["make lint", " make style "]\ntest = []\n'
    config = read_config(OneFile(text))
    assert config.run == ("make deps",)
    assert config.checks == {"lint": ("make lint", "make style"), "test": ()}
    assert config.problems == ()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[setup]\nrun = 3\n", "setup.run"),
        ('[setup]\nrun = ["make", ""]\n', "setup.run"),
        ('[checks]\nlint = { command = "x" }\n', "checks.lint"),
        ('[checks]\nbuild = "make"\n', "checks.build"),
        ('setup = "make"\n', "setup must be a table"),
    ],
)
def test_what_is_no_command_is_named_and_passed_over(text: str, named: str) -> None:
    config = read_config(OneFile(text))
    assert (config.run, config.checks) == (None, {})
    (problem,) = config.problems
    assert named in problem


def test_a_repository_may_say_what_a_task_may_cost() -> None:
    config = read_config(OneFile("[limits]\nmoney = 1.50\nminutes = 10\nlines = 5\n"))
    assert (config.budget, config.limits, config.problems) == (
        {"money": 1.5, "minutes": 10},
        {"lines": 5},
        (),
    )


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "true", '"1.50"', "[1]"])
def test_a_cost_that_makes_no_sense_is_passed_over(value: str) -> None:
    config = read_config(OneFile(f"[limits]\nmoney = {value}\n"))
    assert (config.budget, len(config.problems)) == ({}, 1)
    assert "limits.money must be a number above 0" in config.problems[0]


def test_limits_are_whole_numbers() -> None:
    config = read_config(OneFile("[limits]\nlines = 2000\nfiles = 0\n"))
    assert (config.limits, config.problems) == ({"lines": 2000, "files": 0}, ())
    wrong = read_config(OneFile('[limits]\nlines = "many"\nfiles = -1\n'))
    assert wrong.limits == {}
    assert "limits.lines must be a whole number" in wrong.problems[0]
