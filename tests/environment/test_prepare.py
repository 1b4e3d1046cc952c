"""A repository's toolchain, really installed in a real box through the egress proxy."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import threading

import pytest
import uv

from dayhand.environment import prepare as room
from dayhand.environment.base import Source
from dayhand.environment.declared.dayhand_toml import RepoConfig
from dayhand.environment.ecosystems import node
from dayhand.environment.ecosystems.all_ecosystems import ECOSYSTEMS
from dayhand.environment.prepare import combine, prepare
from dayhand.environment.registries.base import ExtraRegistries
from dayhand.environment.setup import runtimes, steps
from dayhand.environment.setup.install import Repository, SetUp
from dayhand.sandbox.base import Reason
from tests.environment.conftest import Notes, Project, Texts
from tests.waiting import PATIENCE

TEST = "from app import double\n\n\ndef test_double():\n    assert double(2) == 4\n"
APP = "def double(number):\n    return number * 2\n"
# pytest 8.4 and later bring Pygments, whose 300 modules would be compiled in each environment.
PYTEST = {"app.py": APP, "tests/test_app.py": TEST, "requirements-dev.txt": "pytest<8.4\n"}
SMALL = {**PYTEST, "requirements-dev.txt": "pytest<8.4\nruff\n", "ruff.toml": ""}
UNITTEST = {
    "tests/test_app.py": "import unittest\n\n\nclass App(unittest.TestCase):\n    def test_it(self): ...\n"
}
JSHINT = {
    "package.json": json.dumps({"scripts": {"lint": "jshint app.js"}, "devDependencies": {"jshint": "^2"}}),
    "app.js": "console.log(1);\n",
    ".jshintrc": '{"unused": true}\n',
}
# A program of a package without dependencies, where it does not matter what the linter is.
SEMVER = {
    "package.json": json.dumps({"scripts": {"lint": "semver 1.0.0"}, "devDependencies": {"semver": "7.7.2"}})
}


def run_checks(environment, project, sandbox):
    """Each check's result in a clean box with no network, as verification runs them."""
    results = {}
    for check in environment.checks:
        with sandbox.open(origin=environment.snapshot) as box:
            project.fill(box)
            results[check.command] = box.run(check.command, env=environment.env)
    return results


def all_pass(environment, project, sandbox):
    results = run_checks(environment, project, sandbox)
    assert all(result.passed for result in results.values()), {k: v.text() for k, v in results.items()}
    return list(results)


@pytest.mark.usefixtures("python_index")
def test_a_small_python_project_is_linted_and_tested_and_the_second_time_nothing_is_installed(
    project, sandbox, log
):
    small = project(SMALL)
    environment = prepare(small.files, sandbox, small.fill, log=log, source=small.source)
    assert all_pass(environment, small, sandbox) == ["ruff check .", "python3 -m pytest -q"]
    assert environment.missing == {}
    assert any(language.startswith("Python 3.") for language in environment.languages)
    assert [(step.title, step.passed) for step in environment.steps] == [
        ("download Python's packages", True),
        ("make a virtual environment", True),
        ("install requirements-dev.txt", True),
    ]
    assert not environment.cached
    assert "uv pip install -r requirements-dev.txt" in log.of("command")

    log.lines.clear()
    second = prepare(small.files, sandbox, small.fill, log=log, source=small.source)
    assert second == dataclasses.replace(environment, cached=True, seconds=second.seconds)
    assert log.of("command") == []


@pytest.mark.usefixtures("python_index")
def test_a_locked_project_is_installed_from_its_lock(project, sandbox, log, tmp_path):
    pyproject = (
        '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = ["six"]\n'
        '[dependency-groups]\ndev = ["pytest<8.4"]\nlint = ["ruff"]\n[tool.ruff]\n'
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    )
    (tmp_path / "pyproject.toml").write_text(pyproject)
    subprocess.run([uv.find_uv_bin(), "lock", "-q"], cwd=tmp_path, check=True)
    locked = project(
        {
            "pyproject.toml": pyproject,
            "uv.lock": (tmp_path / "uv.lock").read_text(),
            "src/app/__init__.py": "import six\n\nname = six.__name__\n",
            "tests/test_app.py": "import app\n\n\ndef test_app():\n    assert app.name == 'six'\n",
        }
    )
    environment = prepare(locked.files, sandbox, locked.fill, log=log, source=locked.source)
    assert environment.steps[-1].command == "uv sync --frozen --all-extras --all-groups"
    assert all_pass(environment, locked, sandbox) == ["ruff check .", "python3 -m pytest -q"]


@pytest.mark.usefixtures("python_index")
def test_a_pinned_python_that_is_not_there_is_told_and_the_boxs_own_is_used(project, sandbox, log):
    pinned = project({**UNITTEST, "requirements.txt": "iniconfig\n", ".python-version": "3.99\n"})
    environment = prepare(pinned.files, sandbox, pinned.fill, log=log, source=pinned.source)
    assert any("3.99" in text for text in log.of("output"))
    assert environment.steps[0].passed
    assert all_pass(environment, pinned, sandbox) == ["python3 -m unittest discover -s tests"]


@pytest.mark.usefixtures("python_index")
def test_what_set_up_left_in_the_workspace_stays_and_tracked_files_do_not(project, sandbox, log):
    built = project(
        {
            "setup.py": "from setuptools import setup\nopen('made.txt', 'w').close()\nsetup(name='x', py_modules=['x'])\n",
            "x.py": "",
        }
    )
    environment = prepare(built.files, sandbox, built.fill, log=log, source=built.source)
    with sandbox.open(origin=environment.snapshot) as box:
        found = box.run("ls -A").text().split()
        imported = box.run("python3 -c 'import x'", env=environment.env, cwd="/tmp")
    assert "made.txt" in found
    assert not {"setup.py", "x.py", ".git"} & set(found)
    assert not imported.passed, "the module is only there when the repository is"


@pytest.mark.usefixtures("python_index")
def test_a_python_tool_that_cannot_be_had_is_named_and_the_rest_is_there(project, sandbox, log):
    wanting = project({**UNITTEST, "requirements-dev.txt": "ruff==999.0\n", "ruff.toml": ""})
    environment = prepare(wanting.files, sandbox, wanting.fill, log=log, source=wanting.source)
    assert set(environment.missing) == {"ruff check ."}
    missing = environment.missing["ruff check ."]
    assert missing.tool == "ruff"
    assert "ruff==999.0" in missing.why
    assert environment.steps[1].passed is False
    assert run_checks(environment, wanting, sandbox)["python3 -m unittest discover -s tests"].passed


@pytest.mark.usefixtures("python_index")
def test_what_could_not_be_had_is_remembered_for_a_while_and_then_tried_again(project, sandbox, log):
    wanting = project({"a.py": "", "requirements.txt": "no-such-package-by-dayhand\n", "ruff.toml": ""})
    first = prepare(wanting.files, sandbox, wanting.fill, log=log, source=wanting.source)
    second = prepare(wanting.files, sandbox, wanting.fill, log=log, source=wanting.source)
    assert not first.steps[-1].passed
    assert first.missing == {}, "ruff is no part of what failed"
    assert second.steps == first.steps
    assert sandbox.find_snapshot(first.key) is None, "only a complete environment is kept for good"


@pytest.mark.usefixtures("python_index")
def test_a_declared_tool_that_no_file_installs_is_brought_by_one_more_attempt(project, sandbox, log):
    only = project({"a.py": "", "ruff.toml": ""})
    environment = prepare(only.files, sandbox, only.fill, log=log, source=only.source)
    assert all_pass(environment, only, sandbox) == ["ruff check ."]
    assert any("one more attempt to install it" in text for text in log.of("say"))


@pytest.mark.usefixtures("python_index")
def test_a_plugin_that_pytests_own_settings_need_is_brought_too(project, sandbox, log):
    covered = project({**PYTEST, "pytest.ini": "[pytest]\naddopts =\n    -q\n    --cov=app\n"})
    environment = prepare(covered.files, sandbox, covered.fill, log=log, source=covered.source)
    assert environment.missing == {}
    assert all_pass(environment, covered, sandbox) == ["python3 -m pytest -q"]


@pytest.mark.usefixtures("python_index")
def test_pytest_that_refuses_its_own_settings_cannot_run_and_says_why(project, sandbox, log):
    odd = project({**PYTEST, "pytest.ini": "[pytest]\naddopts = --no-such-option\n"})
    environment = prepare(odd.files, sandbox, odd.fill, log=log, source=odd.source)
    assert "unrecognized arguments: --no-such-option" in environment.missing["python3 -m pytest -q"].why


@pytest.mark.usefixtures("npm_index", "python_index")
def test_a_node_project_gets_its_declared_linter_and_lints(project, sandbox, log):
    stale = {"lockfileVersion": 3, "packages": {"": {}}}
    linted = project({**JSHINT, "package-lock.json": json.dumps(stale)})
    environment = prepare(linted.files, sandbox, linted.fill, log=log, source=linted.source)
    assert environment.steps[0].command == "npm install --no-save --no-package-lock --ignore-scripts", (
        "npm ci refuses this lock"
    )
    assert all_pass(environment, linted, sandbox) == ["npm run lint"]
    broken = project({**linted.files.texts, "app.js": "var unused;\n"})
    assert (
        "'unused' is defined but never used"
        in run_checks(environment, broken, sandbox)["npm run lint"].text()
    )


@pytest.mark.usefixtures("npm_index")
def test_a_lock_that_npm_wrote_is_installed_with_ci(project, sandbox, log, tmp_path):
    npm = shutil.which("npm")
    if not npm:
        pytest.skip("no npm on this machine to write a lock with")
    (tmp_path / "package.json").write_text(SEMVER["package.json"])
    subprocess.run([npm, "install", "--package-lock-only", "--silent"], cwd=tmp_path, check=True)
    lock = (tmp_path / "package-lock.json").read_text()
    locked = project({**SEMVER, "package-lock.json": lock})
    environment = prepare(locked.files, sandbox, locked.fill, log=log, source=locked.source)
    assert [(step.command, step.passed) for step in environment.steps] == [("npm ci --ignore-scripts", True)]
    assert all_pass(environment, locked, sandbox) == ["npm run lint"]


@pytest.mark.usefixtures("npm_index", "python_index")
def test_a_node_linter_that_does_not_exist_is_named(project, sandbox, log):
    tool = "eslint-of-dayhand-that-nobody-made"
    package = {"scripts": {"lint": f"{tool} ."}, "devDependencies": {tool: "^1"}}
    wanting = project({"package.json": json.dumps(package)})
    environment = prepare(wanting.files, sandbox, wanting.fill, log=log, source=wanting.source)
    assert environment.missing["npm run lint"].tool == tool
    assert f"{tool}@^1" in environment.missing["npm run lint"].why


@pytest.mark.usefixtures("npm_index", "python_index")
def test_a_box_without_node_gets_one_from_the_python_index(project, sandbox, log):
    linted = project(SEMVER)
    node_plan = node.plan(linted.files)
    bare = dataclasses.replace(node_plan.runtime, probe=f"test -x {node.HOME}/bin/node")
    base_image = runtimes.survey(sandbox)
    plan = combine((dataclasses.replace(node_plan, runtime=bare),), base_image.path)
    set_up = SetUp(plan, base_image, sandbox, repository=Repository(linted.fill, linted.source), log=log)
    set_up.find_dependencies()
    with set_up.installed() as (box, outcome):
        assert outcome.complete, log.lines
        linted.fill(box)
        assert box.run("command -v npm", env=plan.env).text().strip() == f"{node.HOME}/bin/npm"
        assert box.run("npm run lint", env=plan.env).passed
        assert "/npm" not in runtimes.Runtimes(sandbox, base_image, plan, log=log).ask_box(
            None, "npm config get registry"
        )


def test_a_project_with_nothing_to_install_is_probed_once(project, sandbox, log):
    plain = project({"check.sh": "#!/bin/sh\ntest -f prompt.md\n", "prompt.md": "Say so."})
    environment = prepare(plain.files, sandbox, plain.fill, log=log, source=plain.source)
    assert (environment.steps, environment.missing, environment.cached) == ((), {}, False)
    assert all_pass(environment, plain, sandbox) == ["./check.sh"]

    def fill(_box):
        raise AssertionError("the repository is not needed again")

    again = prepare(plain.files, sandbox, fill, log=log, source=plain.source)
    assert (again.cached, again.missing) == (True, {})
    assert all_pass(again, plain, sandbox) == ["./check.sh"]


def test_a_config_that_is_already_parsed_is_not_read_again(sandbox, log):
    class Files(Texts):
        def read(self, path):
            assert path != ".dayhand.toml"
            return super().read(path)

    config = RepoConfig(run=("true",), checks={"test": ("test -d .",)})
    files = Files({".dayhand.toml": "[setup]\nrun = 'false'\n"})
    environment = prepare(
        files, sandbox, Project(files).fill, log=log, source=Project(files).source, config=config
    )
    assert [(step.command, step.passed) for step in environment.steps] == [("true", True)]
    assert [check.command for check in environment.checks] == ["test -d ."]


def test_a_script_whose_interpreter_is_not_there_is_missing(project, sandbox, log):
    plain = project({"check.sh": "#!/usr/bin/env no-such-shell\n"})
    environment = prepare(plain.files, sandbox, plain.fill, log=log, source=plain.source)
    assert set(environment.missing) == {"./check.sh"}


def test_a_repository_without_any_check_says_so(project, sandbox, log):
    empty = project({"README.md": "hello"})
    environment = prepare(empty.files, sandbox, empty.fill, log=log, source=empty.source)
    assert (environment.checks, environment.snapshot) == ((), None)
    assert log.of("say") == ["Toolchain: none that Dayhand knows. Checks: none declared."]


@pytest.mark.usefixtures("python_index")
def test_a_host_that_set_up_may_not_reach_is_recorded(project, sandbox, log):
    asking = project({"requirements.txt": "x @ https://example.invalid/x.tar.gz\n"})
    environment = prepare(asking.files, sandbox, asking.fill, log=log, source=asking.source)
    assert {blocked.host for blocked in environment.blocked} == {"example.invalid"}
    assert [blocked.command for blocked in environment.blocked] == ["uv pip install -r requirements.txt"]
    assert not environment.steps[-1].passed


@pytest.mark.usefixtures("python_index")
def test_of_several_that_come_at_once_one_builds(project, sandbox):
    same = project({"a.py": "", "requirements.txt": "iniconfig\n", ".flake8": ""})
    places = []

    def work():
        places.append(prepare(same.files, sandbox, same.fill, log=Notes(), source=same.source))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(3 * PATIENCE)
    assert sorted(environment.cached for environment in places) == [False, True, True, True]


def test_a_repositorys_a_trees_and_an_untrusted_trees_snapshot_are_never_anothers(files):
    plan = combine((), "/bin")
    sources = [
        Source("a/b", "c0ffee", trusted=True),
        Source("c/d", "c0ffee", trusted=True),
        Source("a/b", "decaf", trusted=True),
        Source("a/b", "c0ffee", trusted=False),
    ]
    assert len({room._key(plan, files({}), "base", source=source) for source in sources}) == len(sources)


def test_a_makefile_counts_only_where_nobody_else_has_such_a_check(files):
    texts = files({"Makefile": "lint:\ntest:\n", "tests/test_a.py": "import unittest"})
    combined = combine(tuple(plan for each in ECOSYSTEMS if (plan := each.plan(texts))), "/bin")
    assert [check.command for check in combined.checks] == [
        "make lint",
        "python3 -m unittest discover -s tests",
    ]


def test_a_step_that_never_ends_is_a_failed_step(sandbox, log):
    with sandbox.open() as box:
        ended = box.run("sleep 60", limits=dataclasses.replace(steps.PROBE, seconds=0.5))
    assert ended.reason is Reason.TIMEOUT
    assert steps.verdict(ended).startswith("failed (ended by wall)")


def test_set_up_may_reach_the_operators_own_registries_and_no_others(project, sandbox, log):
    connect = "; ".join(
        f's = socket.create_connection(("127.0.0.1", 3128)); s.sendall(b"CONNECT {host}:443 HTTP/1.1\\r\\n\\r\\n"); s.recv(99)'
        for host in ("own.invalid", "other.invalid")
    )
    texts = {
        ".dayhand.toml": f"[setup]\nrun = '''python3 -c 'import socket; {connect}''''\n",
        "Makefile": "test:\n",
    }
    repository = project(texts)
    environment = prepare(
        repository.files,
        sandbox,
        repository.fill,
        log=log,
        source=repository.source,
        extra=ExtraRegistries(("own.invalid",)),
    )
    result = {blocked.host: blocked.reason for blocked in environment.blocked}
    assert result["other.invalid"] == "the host is not allowed"
    assert "no address" in result["own.invalid"]
    assert (
        prepare(repository.files, sandbox, repository.fill, log=log, source=repository.source).key
        != environment.key
    )


class Fingerprinted:
    """A sandbox with a fingerprint of the test's choice, which counts how often a box is opened."""

    def __init__(self, sandbox, fingerprint):
        self.sandbox, self.name, self.fingerprint, self.opened = sandbox, sandbox.name, lambda: fingerprint, 0

    def open(self):
        self.opened += 1
        return self.sandbox.open()


def test_an_empty_box_is_asked_once_for_each_fingerprint(sandbox, tmp_path):
    first = Fingerprinted(sandbox, f"{tmp_path} as it was")
    result = runtimes.survey(first)
    again = Fingerprinted(sandbox, f"{tmp_path} as it was")
    assert runtimes.survey(again) == result
    assert (first.opened, again.opened) == (1, 0)
    changed = Fingerprinted(sandbox, f"{tmp_path} with another Python")
    runtimes.survey(changed)
    assert changed.opened == 1


def test_what_an_empty_box_said_is_asked_again_where_it_cannot_be_read(sandbox, tmp_path):
    result = runtimes.survey(Fingerprinted(sandbox, str(tmp_path)))
    kept = runtimes.survey_file(Fingerprinted(sandbox, str(tmp_path)))
    kept.write_text('{"path": ')
    again = Fingerprinted(sandbox, str(tmp_path))
    assert runtimes.survey(again) == result
    assert again.opened == 1
    kept.unlink()


CONNECT = (
    "import socket; s = socket.create_connection(('127.0.0.1', 3128)); "
    "s.sendall(b'CONNECT own.invalid:443 HTTP/1.1\\r\\n\\r\\n'); print(s.recv(999).decode())"
)


@pytest.mark.parametrize(("trusted", "reply"), [(True, "no address"), (False, "not allowed")])
def test_the_code_of_a_commit_that_is_not_trusted_reaches_not_even_an_allowed_host(
    project, sandbox, log, trusted, reply
):
    texts = {
        ".dayhand.toml": "[setup]\nrun = 'make deps'\n",
        "Makefile": "deps:\n\tpython3 ask.py\n\ntest:\n",
        "ask.py": CONNECT,
    }
    asking = project(texts)
    prepare(
        asking.files,
        sandbox,
        asking.fill,
        log=log,
        source=dataclasses.replace(asking.source, trusted=trusted),
        extra=ExtraRegistries(("own.invalid",)),
    )
    assert reply in "".join(log.of("output"))


def test_what_is_missing_without_a_network_says_who_may_allow_it(project, sandbox, log):
    wanting = project(
        {".dayhand.toml": "[setup]\nrun = 'false'\n[checks]\ntest = 'no-such-tool'\n", "a.txt": ""}
    )
    source = Source("ada/shop", "c0ffee" * 6 + "c0ff", trusted=False, handle="shop-bot")
    environment = prepare(wanting.files, sandbox, wanting.fill, log=log, source=source)
    assert environment.missing["no-such-tool"].why.endswith(
        "This commit is not on the default branch, so its set-up has no network. A person with write access may allow "
        "it with the comment “@shop-bot accept c0ffeec0ffee”."
    )


@pytest.mark.usefixtures("python_index")
def test_a_source_distribution_of_a_commit_that_is_not_trusted_is_not_built_beside_a_network(
    project, sandbox, log
):
    texts = {
        "requirements.txt": "-e .\n",
        "setup.py": "print('built', flush=True)\n"
        + CONNECT.replace("; ", "\n")
        + "\nfrom setuptools import setup\nsetup(name='x')\n",
    }
    building = project(texts)
    source = dataclasses.replace(building.source, trusted=False)
    prepare(
        building.files,
        sandbox,
        building.fill,
        log=log,
        source=source,
        extra=ExtraRegistries(("own.invalid",)),
    )
    assert "no address" not in "".join(log.of("output"))
