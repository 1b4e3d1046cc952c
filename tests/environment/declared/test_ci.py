"""What CI runs in the detected plans: its checks come first, its set-up comes after, and differences are told."""

from __future__ import annotations

import json

import pytest

from dayhand.environment import monorepo
from dayhand.environment.declared.ci import apply_ci, differences, without_fallbacks
from dayhand.environment.declared.dayhand_toml import RepoConfig, read_config
from dayhand.environment.declared.declarations import apply, read_declarations
from dayhand.environment.declared.workflows.jobs import read_ci
from dayhand.environment.ecosystems.all_ecosystems import ECOSYSTEMS
from dayhand.environment.prepare import combine
from tests.environment.conftest import Texts

BOX = {"python": ("3.11.2",), "node": ("20.11.0",), "go": ("1.19.8",)}
PYTHON = {
    "pyproject.toml": "[project]\nname = 'a'\n[tool.ruff]\n[dependency-groups]\ndev = ['pytest', 'ruff>=0.5']\n",
    "tests/test_a.py": "import pytest",
}


def workflow(*runs, **job):
    steps = [{"run": run} for run in runs]
    jobs = {"test": {"runs-on": "ubuntu-latest", "steps": steps, **job}}
    return {".github/workflows/ci.yml": json.dumps({"on": "push", "jobs": jobs})}


def planned(texts, config=""):
    """All checks as they are probed, what CI runs, and the plans."""
    files = Texts({**texts, ".dayhand.toml": config})
    ci = read_ci(files, BOX)
    detected, _left = monorepo.plans(files, ECOSYSTEMS)
    kinds = frozenset(check.kind for check in ci.checks)
    declared = read_declarations(read_config(files) if config else RepoConfig(), files, kinds)
    plans = apply(apply_ci(detected, ci, files), declared)
    return combine(plans, "/usr/bin").checks, ci, plans


def running(texts, missing=(), config=""):
    checks, _ci, _plans = planned(texts, config)
    return [check.command for check in without_fallbacks(checks, missing)]


def told(texts, missing=(), config=""):
    checks, ci, _plans = planned(texts, config)
    return differences(ci, without_fallbacks(checks, missing), dict.fromkeys(missing, "it does not start."))


@pytest.mark.parametrize(
    ("texts", "runs", "commands"),
    [
        ({}, ["pytest --strict-markers tests"], ["ruff check .", "pytest --strict-markers tests"]),
        ({}, ["python -m pytest -v"], ["ruff check .", "python3 -m pytest -q"]),
        (
            {},
            ["ruff check src", "ruff format --check ."],
            ["ruff check src", "ruff format --check .", "python3 -m pytest -q"],
        ),
        ({}, ["flake8 src"], ["flake8 src", "python3 -m pytest -q"]),
        (
            {"Makefile": "test:\n\tpytest --slow\nlint:\n\ttrue\n"},
            ["make test"],
            ["ruff check .", "make test"],
        ),
        ({"noxfile.py": ""}, ["echo nothing"], ["ruff check .", "python3 -m pytest -q"]),
    ],
)
def test_a_check_of_ci_takes_the_place_of_the_detected_one_of_its_kind_and_language(texts, runs, commands):
    assert running({**PYTHON, **texts, **workflow(*runs)}) == commands


def test_a_check_of_another_language_stays(files):
    package = json.dumps({"scripts": {"test": "mocha", "lint": "eslint ."}})
    assert running({**PYTHON, "package.json": package, **workflow("pytest tests", "npm run lint:all")}) == [
        "ruff check .",
        "npm run lint",
        "npm run test",
        "pytest tests",
    ]


def test_where_cis_tool_cannot_start_the_detected_check_runs_and_the_difference_is_told():
    texts = {**PYTHON, **workflow("pre-commit run --all-files", "pytest -n 4")}
    missing = ("pre-commit run --all-files",)
    assert running(texts, missing) == ["ruff check .", "pytest -n 4"]
    (sentence,) = told(texts, missing)
    assert sentence == (
        "ci.yml, job test runs `pre-commit run --all-files`; `ruff check .` (pyproject.toml [tool.ruff]) runs here: it does "
        "not start."
    )
    assert told(texts) == ()


def test_where_neither_can_start_cis_check_is_missing():
    texts = {**PYTHON, **workflow("flake8 src")}
    assert running(texts, ("flake8 src", "ruff check .")) == ["flake8 src", "python3 -m pytest -q"]
    assert told(texts, ("flake8 src", "ruff check .")) == ()


def test_dayhand_toml_comes_before_ci_and_ci_before_agents_md():
    texts = {**PYTHON, "AGENTS.md": "# Test\n\n- `pytest -k quick`\n\n# Lint\n\n- `ruff check src`\n"}
    ci = workflow("pytest tests")
    assert running({**texts, **ci}) == ["ruff check src", "pytest tests"]
    assert running(texts) == ["ruff check src", "pytest -k quick"]
    ours = "[checks]\ntest = 'make all'\n"
    assert running({**texts, **ci}, config=ours) == ["ruff check src", "make all"]
    assert told({**texts, **ci}, config=ours) == (
        "ci.yml, job test runs `pytest tests`; `make all` (.dayhand.toml checks.test) runs here.",
    )


def test_what_ci_sets_up_comes_after_the_detected_set_up_once_and_not_with_a_set_up_of_our_own():
    texts = {
        **PYTHON,
        **workflow("pip install -e .", "pip install -r ci.txt", "cp .env.example .env", "pytest"),
    }
    _checks, _ci, plans = planned(texts)
    assert [step.title for step in plans[-1].steps] == [
        "ci.yml, job test: uv pip install -r ci.txt",
        "ci.yml, job test: cp .env.example .env",
    ]
    assert plans[-1].steps[0].commands == ("uv pip install -r ci.txt", "python3 -m pip install -r ci.txt")
    _checks, _ci, plans = planned(texts, "[setup]\nrun = 'make deps'\n")
    assert [step.commands[0] for plan in plans for step in plan.steps if not step.always] == ["make deps"]


def test_what_is_installed_for_ci_alone_gets_a_virtual_environment_to_be_installed_into():
    _checks, _ci, plans = planned({"Makefile": "", **workflow("pip install yamllint pytest", "pytest")})
    assert [step.title for step in plans[-1].steps][:1] == ["make a virtual environment"]
    assert plans[-1].client == "python"
    assert plans[-1].env["PATH"].endswith("/venv/bin")


@pytest.mark.parametrize(
    ("run", "probe", "remedy"),
    [
        (
            "pytest -n auto --cov=a",
            "python3 -c 'import xdist, pytest_cov' &&",
            "uv pip install pytest pytest-xdist pytest-cov",
        ),
        (
            "coverage run -m pytest",
            "coverage --version && {",
            "uv pip install coverage && uv pip install pytest",
        ),
        (
            "coverage run manage.py test",
            "coverage --version && { python3 -c 'import django'; }",
            "uv pip install coverage && uv pip install django",
        ),
        ("black --check .", "black --version", "uv pip install black"),
        ("pydocstyle src", "pydocstyle --version", ""),
        ("go test -race ./...", 'test "$(go env CGO_ENABLED)" = 1', ""),
        ("cargo nextest run", "cargo nextest --version", ""),
        ("bundle exec rspec", "bundle exec rspec --version", ""),
        (
            "npx jest",
            '(PATH="$PWD/node_modules/.bin:$PATH"; jest --version)',
            "npm install --no-save --no-package-lock jest",
        ),
        ("./scripts/test.sh", "command -v ./scripts/test.sh", ""),
        (
            "nox -s tests",
            "nox --version && test -d .nox",
            "uv pip install nox && nox --install-only -s tests",
        ),
        (
            "tox -e py311",
            "tox --version && test -d .tox/py311",
            "uv pip install tox tox-uv && tox run --develop -e py311",
        ),
    ],
)
def test_a_check_of_ci_has_a_probe_and_only_known_tools_are_installed_by_name(run, probe, remedy):
    noxfile = {"noxfile.py": "import nox\n@nox.session\ndef tests(s): pass\n"} if "nox" in run else {}
    texts = {**noxfile, **workflow(run)}
    checks, _ci, _plans = planned(texts)
    (check,) = (check for check in checks if check.source.startswith("ci.yml"))
    assert check.probe.startswith(probe)
    assert check.remedy.startswith(remedy)
    assert bool(check.remedy) == bool(remedy)


def test_checks_of_ci_run_in_their_folders(files):
    texts = {f"backend/{path}": text for path, text in PYTHON.items()}
    texts |= {"frontend/package.json": json.dumps({"scripts": {"test": "vitest run"}})}
    ci = workflow("cd backend && pytest tests", "npm --prefix frontend ci", "cd frontend && npm test")
    checks, _ci, _plans = planned({**texts, **ci})
    assert {check.command: check.folder for check in without_fallbacks(checks, ())} == {
        "cd backend && ruff check .": "backend",
        "cd frontend && npm run test": "frontend",
        "cd backend && pytest tests": "backend",
    }


def test_maven_and_gradle_keep_the_options_for_a_box_without_a_network():
    texts = {"pom.xml": "<project/>", "src/test/java/ATest.java": "", **workflow("mvn -B verify")}
    assert running(texts) == ["mvn -B -o -q test"]
    assert told(texts) == ()


def test_where_a_check_of_ci_is_not_understood_the_detected_one_runs_too():
    texts = {
        "Gemfile": "gem 'rspec'",
        "spec/a_spec.rb": "",
        **workflow("bin/flatware rspec", "bin/rspec --tag search"),
    }
    assert running(texts) == ["bundle exec rspec", "bin/rspec --tag search"]


def test_a_script_made_for_cis_machine_takes_no_detected_checks_place_and_sets_nothing_up():
    texts = {**PYTHON, **workflow("scripts/install", "scripts/lint", "scripts/test --ci")}
    assert running(texts) == ["ruff check .", "python3 -m pytest -q"]
    assert not [step for plan in planned(texts)[2] for step in plan.steps if "scripts" in step.commands[0]]
    assert told(texts)[1].startswith("ci.yml, job test runs `scripts/test --ci`; `python3 -m pytest -q` (")
    alone = workflow("scripts/install", "scripts/test --ci")
    assert running(alone) == ["scripts/test --ci"]
    assert [step.commands[0] for step in planned(alone)[2][-1].steps] == ["scripts/install"]


def test_checks_that_only_ci_can_run_are_told():
    texts = {**PYTHON, **workflow("pytest tests", "pytest live --key ${{ secrets.KEY }}")}
    assert told(texts) == (
        "ci.yml, job test: needs `secrets.KEY`; left out: pytest live --key ${{ secrets.KEY }}.",
    )
