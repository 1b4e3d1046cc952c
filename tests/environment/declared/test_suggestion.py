"""A suggested ``.dayhand.toml``: what each failure suggests, and that the rest of the file stays unchanged."""

from __future__ import annotations

import tomllib

import pytest

from dayhand.environment.base import Environment, Installed, Missing
from dayhand.environment.declared.improvement import SuggestedSetting
from dayhand.environment.declared.suggestion import FilesWithSuggestion, suggest, write
from dayhand.environment.ecosystems.base import Check
from dayhand.environment.prepare import prepare
from dayhand.verify.examination import ImprovementSearch, examine
from tests.environment.conftest import Texts

RUN = SuggestedSetting("setup", "run", ("make deps", 'say "]"'), "")
LINT = SuggestedSetting("checks", "lint", "make lint", "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# ours\n[network]\nallow = ['x.example.org']  # why\n",
        '[setup]\nrun = ["a",\n  "]",  # no end\n]\n\n[limits]\nlines = 3\n',
        "[setup]  # how\nrun = 'one'\n[checks]\nlint = \"x\" # y\ntest = []\n",
        "[limits]\nlines = 3\n[setup]",
        '[checks]\nlint = """\nrun = 1\n"""\n',
    ],
)
def test_only_the_proposed_settings_change(text: str) -> None:
    made = write(text, (RUN, LINT))
    before = tomllib.loads(text)
    if made is None:
        assert '"""' in text, "what cannot be rewritten safely is left alone"
        return
    after = tomllib.loads(made)
    assert after.pop("setup")["run"] == ["make deps", 'say "]"']
    assert after.pop("checks").pop("lint") == "make lint"
    assert {key: value for key, value in before.items() if key not in ("setup", "checks")} == after
    assert all(line in made for line in text.splitlines() if line.startswith("#"))


@pytest.mark.parametrize(
    "text", ["[setup", "setup = 3\n", 'setup = {run = "x"}\n', "[setup.more]\n[[checks]]\n"]
)
def test_a_file_that_cannot_be_edited_safely_is_left_alone(text: str) -> None:
    assert write(text, (RUN, LINT)) is None


def environment(
    *checks: Check, steps: tuple[Installed, ...] = (), env: dict[str, str] | None = None
) -> Environment:
    missing = {check.command: Missing(check.tool, "gone") for check in checks}
    return Environment("e", None, env or {}, checks, missing, steps, (), cached=False, seconds=0.0)


def check(command: str, kind: str = "lint") -> Check:
    return Check(kind, command, "false", command.split(maxsplit=1)[0], "AGENTS.md")


VENV = {"VIRTUAL_ENV": "/opt/env/venv"}


def test_a_known_tool_is_brought_beside_what_passed() -> None:
    steps = (
        Installed("make a virtual environment", "uv venv", passed=True, seconds=1.0, output=""),
        Installed("install requirements.txt", "uv pip install -r requirements.txt", passed=True, seconds=1.0, output=""),
        Installed("AGENTS.md: make deps", "make deps", passed=False, seconds=1.0, output="no"),
    )  # fmt: skip
    tree = Texts({"requirements.txt": "six\n", "a.py": ""})
    found = suggest(tree, environment(check("ruff check ."), steps=steps, env=VENV), {"ruff check .": "gone"})
    assert found
    (one,) = found.settings
    assert one.value == ("uv pip install -r requirements.txt", "uv pip install ruff")
    assert "“AGENTS.md: make deps” fails" in one.why
    assert tomllib.loads(found.text) == {"setup": {"run": list(one.value)}}


def test_a_name_that_only_the_repository_gives_is_never_installed() -> None:
    tree = Texts({"requirements.txt": "six\n"})
    assert suggest(tree, environment(check("rufff check ."), env=VENV), {"rufff check .": "gone"}) is None


def test_the_guess_is_read_in_place_of_the_file() -> None:
    files = FilesWithSuggestion(Texts({".dayhand.toml": "old", "a.py": "x"}), "new")
    assert (files.read(".dayhand.toml"), files.read("a.py")) == ("new", "x")
    assert sorted(files.paths()) == [".dayhand.toml", "a.py"]


@pytest.mark.usefixtures("python_index")
def test_a_linter_that_nothing_installs_is_brought_and_proved(sandbox, project, log) -> None:
    words = "## Lint\n\n```sh\nruff check .\n```\n"
    shop = project({"AGENTS.md": words, "requirements.txt": "six\n", "shop.py": "import six\n\nprint(six)\n"})
    environment = prepare(shop.files, sandbox, shop.fill, log=log, source=shop.source)
    before = examine(environment, sandbox, shop.fill, log=log, commit="c" * 40)
    found = ImprovementSearch(shop.files, sandbox, shop.fill, shop.source, log).run(environment, before)
    assert found, log.of("output")
    assert "uv pip install ruff" in found.suggestion.text
    assert [checkup.run is not None for checkup in before.checks] == [False]
    assert [checkup.run.passed for checkup in found.after.checks if checkup.run] == [True]
