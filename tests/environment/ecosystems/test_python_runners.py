"""tox, nox and pre-commit: prepared in a set-up box, run without a network in a later one."""

from __future__ import annotations

import pytest

from dayhand.environment.ecosystems import python
from dayhand.environment.prepare import prepare

SETUP = "from setuptools import setup\nsetup(name='own', version='1', py_modules=['own'])\n"
TOX = "[tox]\nenvlist = py\n[testenv]\ndeps = six\ncommands = python examine.py\n[testenv:docs]\ncommands = false\n"
NOX = """
import nox

@nox.session(reuse_venv=True)
def tests(session):
    session.install(".")
    session.run("python", "examine.py")

@nox.session
def lint(session):
    session.install("pyflakes")
    session.run("pyflakes", "own.py")
"""
HOOKS = """
repos:
  - repo: local
    hooks:
      - id: flakes
        name: flakes
        entry: pyflakes
        language: python
        types: [python]
        additional_dependencies: [pyflakes]
"""
EXAMINE = "import own\nassert own.right()\nprint('examined')\n"


def run_changed(environment, repository, sandbox, change):
    """Each check's result in a clean box, after ``change`` was made to the working copy."""
    with sandbox.open(origin=environment.snapshot) as box:
        repository.fill(box)
        assert box.run(change).passed
        return {check.kind: box.run(check.command, env=environment.env) for check in environment.checks}


@pytest.mark.usefixtures("python_index")
def test_tox_runs_what_nothing_else_names_and_sees_the_change(project, sandbox, log):
    repository = project(
        {"setup.py": SETUP, "own.py": "def right(): return True\n", "examine.py": EXAMINE, "tox.ini": TOX}
    )
    environment = prepare(repository.files, sandbox, repository.fill, log=log, source=repository.source)
    assert environment.missing == {}
    assert [check.source for check in environment.checks] == ["tox.ini [testenv:py]"]
    result = run_changed(environment, repository, sandbox, "true")["test"]
    assert result.passed, result.text()
    assert "examined" in result.text()
    broken = run_changed(environment, repository, sandbox, "echo 'def right(): return False' > own.py")[
        "test"
    ]
    assert not broken.passed
    assert "AssertionError" in broken.text()


@pytest.mark.usefixtures("python_index")
def test_nox_runs_a_session_that_installs_no_copy_of_the_project(project, sandbox, log):
    repository = project({"setup.py": SETUP, "own.py": "import os\nos.getpid()\n", "noxfile.py": NOX})
    environment = prepare(repository.files, sandbox, repository.fill, log=log, source=repository.source)
    assert environment.missing == {}
    assert [check.command for check in environment.checks] == [
        "nox --reuse-existing-virtualenvs --no-install -s lint"
    ]
    assert run_changed(environment, repository, sandbox, "true")["lint"].passed
    broken = run_changed(environment, repository, sandbox, "echo 'import sys' > own.py")["lint"]
    assert "imported but unused" in broken.text()


@pytest.mark.usefixtures("python_index")
def test_pre_commit_lints_with_hooks_that_set_up_could_install(project, sandbox, log):
    repository = project({"own.py": "import os\nos.getpid()\n", ".pre-commit-config.yaml": HOOKS})
    environment = prepare(repository.files, sandbox, repository.fill, log=log, source=repository.source)
    assert environment.missing == {}
    result = run_changed(environment, repository, sandbox, "true")["lint"]
    assert result.passed, result.text()
    assert "flakes" in result.text()
    assert (
        "imported but unused"
        in run_changed(environment, repository, sandbox, "echo 'import sys' > own.py")["lint"].text()
    )


@pytest.mark.usefixtures("python_index")
def test_hooks_from_a_place_that_set_up_may_not_reach_are_named(project, sandbox, log):
    hooks = "repos:\n  - repo: https://hooks.example.org/a\n    rev: v1\n    hooks:\n      - id: tidy\n"
    repository = project({"own.py": "a = 1\n", ".pre-commit-config.yaml": hooks})
    environment = prepare(repository.files, sandbox, repository.fill, log=log, source=repository.source)
    (missing,) = environment.missing.values()
    assert missing.tool == "pre-commit"
    assert [blocked.host for blocked in environment.blocked] == ["hooks.example.org"]


def test_what_the_repository_names_directly_comes_before_its_runners(files):
    plan = python.plan(
        files(
            {
                "tox.ini": f"{TOX}[testenv:lint]\ncommands = ruff check\n[flake8]\n",
                "test_a.py": "import pytest",
                ".pre-commit-config.yaml": HOOKS,
            }
        )
    )
    assert [check.command for check in plan.checks] == ["flake8", "python3 -m pytest -q"]


@pytest.mark.parametrize(
    ("path", "text"),
    [(".tool-versions", "nodejs 20.1.0\npython 3.9.2\n"), ("mise.toml", '[tools]\npython = "3.9.2"\n')],
)
def test_a_version_managers_python_is_asked_for_and_its_minor_version_next(path, text, files):
    plan = python.plan(files({path: text, "requirements.txt": "six\n"}))
    first, second, third, *_ = plan.steps[0].commands
    assert "--python 3.9.2 " in first
    assert "--python 3.9 " in second
    assert "--python" not in third


NOX_SESSIONS = """
import nox as n
from nox import session

@n.session(
    python=["3.11", "3.12"],
    name="lint",
)
@n.parametrize("x", [1, 2])
def check_style(
    s: n.Session,
) -> None:
    s.run("ruff", "check")

@session
def tests(session): session.run("pytest")

@session
def type_check(session):
    session.install(
        "mypy",
        ".",
    )

def helper(): ...
"""


@pytest.mark.parametrize(
    ("text", "sessions"),
    [
        (NOX_SESSIONS, ["--no-error-on-missing-interpreters -s lint", "-s tests"]),
        (
            NOX.replace('session.install(".")', 'session.install(\n        "-e", "."\n    )'),
            ["-s lint", "-s tests"],
        ),
        (NOX.replace('session.install(".")', 'session.install(\n        "."\n    )'), ["-s lint"]),
        ("def broken(", []),
        ("(" * 5000, []),
        ("\0", []),
    ],
)
def test_noxs_sessions_are_read_as_python(files, text, sessions):
    texts = {"noxfile.py": text, "setup.py": ""}
    commands = [check.command for check in python.plan(files(texts)).checks]
    assert commands == [f"nox --reuse-existing-virtualenvs --no-install {words}" for words in sessions]


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("repos: [{hooks: [{id: ruff-check}]}]\n", "ruff check ."),
        ("x: &ruff {id: ruff}\nrepos:\n- hooks:\n  - *ruff\n", "ruff check ."),
        ("# - id: ruff\nrepos:\n- hooks:\n  - id: black\n", None),
        ("repos:\n- hooks:\n  - name: |\n      - id: ruff\n    id: black\n", None),
    ],
)
def test_pre_commits_hooks_are_read_as_yaml(files, text, command):
    plan = python.plan(files({".pre-commit-config.yaml": text, "a.py": ""}))
    commands = [check.command for check in plan.checks]
    assert (command in commands) if command else not any("ruff" in each for each in commands)
