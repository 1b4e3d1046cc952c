"""What is installed and checked for a Python repository."""

from __future__ import annotations

import pytest

from dayhand.environment.ecosystems import python


def commands(plan):
    return [step.commands[0] for step in plan.steps]


def checks(plan):
    return {check.command: check for check in plan.checks}


def test_a_repository_without_python_is_left_alone(files):
    assert python.plan(files({"README.md": "", "package.json": "{}"})) is None


def test_python_in_a_vendored_folder_does_not_make_a_repository_pythons(files):
    assert (
        python.plan(files({"node_modules/gyp/test_gyp.py": "import unittest", "package.json": "{}"})) is None
    )


def test_a_lock_is_installed_frozen_with_all_extras_and_groups(files):
    plan = python.plan(files({"uv.lock": "version = 1", "pyproject.toml": "[project]\nname = 'a'"}))
    assert commands(plan)[1:] == ["uv sync --frozen --all-extras --all-groups"]
    assert plan.steps[1].commands[-1] == "uv pip install -r pyproject.toml"
    assert plan.env["UV_PROJECT_ENVIRONMENT"] == "/opt/env/venv"
    assert plan.locks == ("uv.lock", "pyproject.toml")


def test_requirements_for_work_are_installed_together_and_those_for_docs_are_not(files):
    plan = python.plan(
        files(
            {
                "requirements.txt": "flask\n",
                "requirements-dev.txt": "-r requirements.txt\npytest>=8  # the runner\n",
                "requirements_docs.txt": "sphinx\n",
                "requirements/prod.txt": "gunicorn\n",
            }
        )
    )
    assert commands(plan)[1:] == ["uv pip install -r requirements-dev.txt -r requirements.txt"]


def test_when_a_requirements_file_fails_each_line_is_tried_by_itself(files):
    plan = python.plan(files({"requirements.txt": "flask; python_version > '3'\n--no-binary :all:\nruff\n"}))
    one_by_one = plan.steps[1].commands[-1]
    assert "for one in 'flask; python_version > '\"'\"'3'\"'\"'' ruff; do" in one_by_one
    assert "--no-binary" not in one_by_one


def test_the_projects_own_extras_and_groups_for_work_are_installed(files):
    pyproject = """
        [project]
        name = "a"
        dependencies = ["six"]
        [project.optional-dependencies]
        test = ["pytest"]
        gpu = ["torch"]
        [dependency-groups]
        lint = ["ruff==0.14.0"]
        docs = ["sphinx"]
    """
    plan = python.plan(files({"pyproject.toml": pyproject}))
    assert plan.steps[1].commands[:2] == (
        "uv pip install -e '.[test]' --group lint",
        "uv pip install -r pyproject.toml --extra test --group lint",
    )
    assert checks(plan)["ruff check ."].remedy == "uv pip install ruff==0.14.0"


def test_a_setup_script_alone_is_installed_with_the_usual_extras(files):
    plan = python.plan(files({"setup.py": "setup()", "a/__init__.py": ""}))
    assert commands(plan)[1:] == ["uv pip install -e '.[dev,test,tests]'"]


def test_a_pyproject_with_only_tool_settings_installs_no_project(files):
    plan = python.plan(files({"pyproject.toml": "[tool.ruff]\nline-length = 100\n", "a.py": ""}))
    assert [step.title for step in plan.steps] == ["make a virtual environment"]
    assert list(checks(plan)) == ["ruff check ."]


@pytest.mark.parametrize(
    ("declaring", "command"),
    [
        ({"pyproject.toml": "[tool.ruff]"}, "ruff check ."),
        ({"ruff.toml": ""}, "ruff check ."),
        ({"requirements-dev.txt": "ruff\n"}, "ruff check ."),
        ({".pre-commit-config.yaml": "repos:\n- hooks:\n  - id: ruff-check\n"}, "ruff check ."),
        ({"pyproject.toml": "[tool.ruff.format]\nquote-style = 'single'"}, "ruff format --check ."),
        ({".flake8": "[flake8]"}, "flake8"),
        ({"tox.ini": "[flake8]\nmax-line-length = 99"}, "flake8"),
        ({"setup.cfg": "[mypy]\nstrict = true"}, "mypy ."),
        ({"mypy.ini": "[mypy]\nfiles = a\n"}, "mypy"),
        ({"pyproject.toml": "[tool.mypy]", "src/a.py": ""}, "mypy src"),
        ({"pyproject.toml": "[tool.poetry.group.dev.dependencies]\nMyPy = '^1.2'"}, "mypy ."),
    ],
)
def test_a_linter_or_type_checker_counts_where_it_is_declared(files, declaring, command):
    plan = python.plan(files({"a.py": "", **declaring}))
    assert command in checks(plan)
    assert checks(plan)[command].probe.endswith(" --version")


@pytest.mark.parametrize(
    "settings",
    [
        {"pyproject.toml": "[tool.pytest.ini_options]\naddopts = '-q --cov=a -n auto'\n"},
        {"pyproject.toml": '[tool.pytest.ini_options]\naddopts = [\n  "--cov",\n  "-n", "2",\n]\n'},
        {"setup.cfg": "[tool:pytest]\naddopts =\n    --cov=a\n    -n 2\n"},
        {"pyproject.toml": '[tool.pytest]\nini_options = { addopts = "--cov=a -n 2" }\n'},
        {"pyproject.toml": '[tool]\npytest.ini_options.addopts = "--cov=a -n 2"\n'},
        {"pytest.ini": "[pytest]\naddopts: --cov=a\n  -n 2\n"},
    ],
)
def test_the_plugins_that_pytests_options_need_come_with_it(files, settings):
    plan = python.plan(files({"test_a.py": "", **settings}))
    assert checks(plan)["python3 -m pytest -q"].remedy == "uv pip install pytest pytest-cov pytest-xdist"


def test_a_linter_that_nobody_declares_is_not_run(files):
    plan = python.plan(files({"requirements.txt": "flask", "tests/test_a.py": "def test_a(): ..."}))
    assert list(checks(plan)) == ["python3 -m pytest -q"]


def test_tests_in_unittests_style_need_nothing_installed(files):
    plan = python.plan(files({"tests/test_a.py": "import unittest", "a.py": ""}))
    assert plan.steps == ()
    assert list(checks(plan)) == ["python3 -m unittest discover -s tests"]
    assert plan.client == ""


def test_tests_in_a_package_are_discovered_from_the_top(files):
    plan = python.plan(files({"tests/__init__.py": "", "tests/test_a.py": "import unittest"}))
    assert list(checks(plan)) == ["python3 -m unittest discover -s tests -t ."]


def test_pytest_is_wanted_where_its_tests_are_even_if_nobody_declares_it(files):
    plan = python.plan(files({"test_a.py": "import pytest\nimport unittest\n"}))
    check = checks(plan)["python3 -m pytest -q"]
    assert check.remedy == "uv pip install pytest"


def test_declared_pytest_without_a_single_test_is_no_check(files):
    plan = python.plan(files({"requirements.txt": "pytest"}))
    assert plan.checks == ()


def test_poetrys_versions_become_bounds_that_pip_understands(files):
    toml = "[tool.poetry.group.dev.dependencies]\nruff = '^0.14'\nflake8 = { version = '~7.0' }\n"
    plan = python.plan(files({"pyproject.toml": toml}))
    assert checks(plan)["ruff check ."].remedy == "uv pip install 'ruff>=0.14'"
    assert checks(plan)["flake8"].remedy == "uv pip install 'flake8>=7.0'"


@pytest.mark.parametrize(
    "broken",
    [
        "[project\n",
        "project = 3\ntool = []\n",
        "[project]\ndependencies = 3\noptional-dependencies = ['x']\n",
        "[tool]\nruff = 1\n[dependency-groups]\ndev = [{include-group = 'x'}]\n",
    ],
)
def test_a_pyproject_that_makes_no_sense_does_not_break_detection(files, broken):
    python.plan(files({"pyproject.toml": broken, "setup.cfg": "nonsense", "tests/test_a.py": ""}))


def test_names_from_the_repository_cannot_break_out_of_a_command(files):
    toml = "[project]\nname='a'\n[dependency-groups]\n'dev' = []\n"
    plan = python.plan(files({"pyproject.toml": toml, "requirements.txt": "a; $(touch x)\nb\n"}))
    assert "'a; $(touch x)'" in plan.steps[1].commands[-1]


@pytest.mark.parametrize(
    ("lock", "tool"),
    [("poetry.lock", "poetry export"), ("pdm.lock", "pdm export"), ("Pipfile.lock", "pipenv")],
)
def test_another_tools_lock_is_exported_and_installed_before_the_project(files, lock, tool):
    toml = "[project]\nname = 'a'\n[build-system]\nrequires = []\n"
    plan = python.plan(files({lock: "", "pyproject.toml": toml}))
    locked, project = plan.steps[1:]
    assert tool in locked.commands[0]
    assert locked.commands[0].endswith("uv pip install -r /tmp/locked.txt")
    assert locked.commands[1:] == project.commands
    assert lock in plan.locks


def test_poetrys_groups_for_work_are_installed_without_its_lock(files):
    pyproject = """
        [build-system]
        requires = ["poetry-core"]
        [tool.poetry]
        name = "a"
        [tool.poetry.group.dev.dependencies]
        pytest-mock = "^3.8.2"
        mypy = [{version = "^1.0", python = "<3.8"}, {version = "^1.5", python = ">=3.8"}]
        [tool.poetry.group.docs.dependencies]
        sphinx = "*"
    """
    plan = python.plan(files({"pyproject.toml": pyproject, "test_a.py": "import pytest"}))
    assert commands(plan)[-1] == "uv pip install 'pytest-mock>=3.8.2' 'mypy>=1.5'"
    locked = python.plan(files({"pyproject.toml": pyproject, "poetry.lock": ""}))
    assert [step.title for step in locked.steps] == [
        "make a virtual environment",
        "install poetry.lock",
        "install the project",
    ]


def test_ruff_repairs_nothing_when_it_checks(files):
    plan = python.plan(files({"ruff.toml": "fix = true\n", "a.py": ""}))
    assert [check.command for check in plan.checks] == ["ruff check --no-fix ."]


def test_packages_of_another_section_are_no_target_of_mypy(files):
    settings = "[options]\npackages = a\n[mypy]\nstrict = true\n"
    plan = python.plan(files({"setup.cfg": settings, "a/b.py": ""}))
    assert "mypy ." in checks(plan)
    plan = python.plan(files({"setup.cfg": f"{settings}files = a\n", "a/b.py": ""}))
    assert "mypy" in checks(plan)


MANAGE = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\nfrom django.core.management import main\n"


@pytest.mark.parametrize(
    ("texts", "command", "tool"),
    [
        ({"manage.py": MANAGE, "shop/tests.py": ""}, "python3 manage.py test", "django"),
        (
            {"manage.py": MANAGE, "shop/tests/test_a.py": "import unittest"},
            "python3 manage.py test",
            "django",
        ),
        ({"manage.py": MANAGE, "test_a.py": "", "pytest.ini": ""}, "python3 -m pytest -q", "pytest"),
        (
            {"manage.py": MANAGE, "test_a.py": "", "requirements.txt": "pytest-django\n"},
            "python3 -m pytest -q",
            "pytest",
        ),
        (
            {"manage.py": "print()", "test_a.py": "import unittest"},
            "python3 -m unittest discover",
            "unittest",
        ),
        ({"test.py": "import a\nassert a.one() == 1\n"}, "python3 test.py", "python"),
        ({"test.py": "def test_one(): pass\n"}, "python3 -m pytest -q test.py", "pytest"),
        (
            {"runtests.py": "def test_x(): ...\nif __name__ == '__main__': test_x()"},
            "python3 runtests.py",
            "python",
        ),
        (
            {"test.py": "", "tests/test_a.py": "import unittest"},
            "python3 -m unittest discover -s tests",
            "unittest",
        ),
    ],
)
def test_djangos_runner_and_a_runner_of_its_own_are_found(files, texts, command, tool):
    tests = [check for check in python.plan(files(texts)).checks if check.kind == "test"]
    assert [(check.command, check.tool) for check in tests] == [(command, tool)]


def test_an_application_without_tests_has_no_test_check(files):
    found = python.plan(files({"manage.py": MANAGE, "requirements.txt": "django\n"}))
    assert not [check for check in found.checks if check.kind == "test"]
