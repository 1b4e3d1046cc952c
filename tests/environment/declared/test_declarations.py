"""What a repository declares about its set-up and checks, in which order, and what that changes."""

from __future__ import annotations

import pytest

from dayhand.environment.declared import agent_files, agents_md
from dayhand.environment.declared.dayhand_toml import RepoConfig, read_config
from dayhand.environment.declared.declarations import Declarations, apply, read_declarations
from dayhand.environment.ecosystems import make, python
from dayhand.environment.prepare import prepare

NONE = RepoConfig()
AGENTS = """# Working here

Some words with `code` in them.

## Setup

```bash
git clone https://example.org/a.git
cd a
python3 -m venv .venv
source .venv/bin/activate
pip install -e '.[dev]'   # all of it
npm run dev
```

## Testing

- `make unit`
- `pytest path/to/one`

```python
print("no shell")
```

## Style

- **Lint:** `ruff check src`
- Type checking: `mypy --strict src`
- Prefer `pathlib`.
"""
COPILOT = """name: x
jobs:
  copilot-setup-steps:
    steps:
      - uses: actions/checkout@v5
      - name: Install
        run: |
          npm ci
          if true; then
            npm run build
          fi
      - run: "make deps" # quoted
      - run: echo ${{ secrets.X }}
      - run: >
          make
          all
        env:
          A: b
"""


def steps(what):
    return [step.commands[0] for step in what.steps]


def checks(what):
    return [(check.kind, check.command, check.source) for check in what.checks]


def config(text, files):
    return read_config(files({".dayhand.toml": text}))


def test_a_repository_that_declares_nothing_changes_nothing(files):
    what = read_declarations(NONE, files({"README.md": "## Setup\n\n- `make`\n"}))
    assert what == Declarations()
    found = (make.plan(files({"Makefile": "test:\n\ttrue\n"})),)
    assert apply(found, what) == found


def test_commands_are_taken_where_they_stand_as_code_under_a_clear_heading(files):
    what = read_declarations(NONE, files({"AGENTS.md": AGENTS}))
    assert steps(what) == ["pip install -e '.[dev]'"]
    assert what.steps[0].title == "AGENTS.md: pip install -e '.[dev]'"
    assert checks(what) == [
        ("lint", "ruff check src", "AGENTS.md"),
        ("types", "mypy --strict src", "AGENTS.md"),
        ("test", "make unit", "AGENTS.md"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "## Setup\n\nRun `make`.\n",
        "## Linting and testing\n\n```\nmake all\n```\n",
        "## Setup\n\n```js\nalert(1)\n```\n",
        "## Setup\n\n### Notes\n\n```\nmake x\n```\n",
        "## Lint\n\n- `ruff check --fix .`\n",
        "## Test\n\n```\nnpm test -- <name>\n```\n",
        "\x00",
    ],
)
def test_what_is_not_clearly_a_command_of_one_kind_is_left_alone(files, text):
    assert read_declarations(NONE, files({"AGENTS.md": text})) == Declarations()


def test_of_what_has_prompts_the_output_is_no_command(files):
    what = read_declarations(NONE, files({"AGENTS.md": "# Tests\n\n```console\n$ make t\n12 passed\n```\n"}))
    assert checks(what) == [("test", "make t", "AGENTS.md")]


@pytest.mark.parametrize(
    ("path", "text", "commands"),
    [
        (".devcontainer/devcontainer.json", '{"postCreateCommand": "make deps"}', ["make deps"]),
        (".devcontainer.json", '{"postCreateCommand": ["a", "b c"], // why\n}', ["a 'b c'"]),
        (
            ".devcontainer/devcontainer.json",
            '{"onCreateCommand": "one", "postCreateCommand": {"x": "two", "y": ["three"]}, "image": "a//b"}',
            ["one", "two", "three"],
        ),
        (
            ".github/workflows/copilot-setup-steps.yml",
            COPILOT,
            ["set -e\nnpm ci\nif true; then\n  npm run build\nfi", "make deps", "make all"],
        ),
        (".cursor/environment.json", '{"install": "npm ci", "start": "x"}', ["npm ci"]),
        (".openhands/setup.sh", "#!/bin/bash\n", ["bash .openhands/setup.sh"]),
        (".codex/setup.sh", "true", ["bash .codex/setup.sh"]),
    ],
)
def test_other_tools_files_are_read(files, path, text, commands):
    what = read_declarations(NONE, files({path: text}))
    assert steps(what) == commands
    assert what.source == path
    assert all(step.title.startswith(f"{path}: ") and "\n" not in step.title for step in what.steps)


def test_a_command_with_a_placeholder_is_passed_over_and_named(files):
    what = read_declarations(NONE, files({".github/workflows/copilot-setup-steps.yml": COPILOT}))
    (problem,) = what.problems
    assert problem.endswith("a command contains a placeholder; ignored: echo ${{ secrets.X }}")


@pytest.mark.parametrize("broken", ["", "[", "[]", '{"install": 3, "postCreateCommand": [1]}'])
def test_a_file_that_makes_no_sense_declares_nothing(files, broken):
    for path in (*agent_files.DEVCONTAINERS, *agent_files.COPILOT, *agent_files.CURSOR, agents_md.NAME):
        assert read_declarations(NONE, files({path: broken})).steps == ()


def test_the_first_source_that_says_anything_wins(files, log):
    texts = {
        ".codex/setup.sh": "true",
        ".cursor/environment.json": '{"install": "cursor"}',
        ".devcontainer.json": '{"postCreateCommand": "devcontainer"}',
        "AGENTS.md": "# Setup\n\n- `agents`\n",
    }
    ours = config('[setup]\nrun = ["ours", "more"]\n', files)
    order = [(ours, None, ["ours", "more"]), (NONE, "AGENTS.md", ["agents"])]
    order += [(NONE, ".devcontainer.json", ["devcontainer"]), (NONE, ".cursor/environment.json", ["cursor"])]
    for settings, removed, commands in order:
        assert steps(read_declarations(settings, files(texts))) == commands
        texts.pop(removed, None)
    assert steps(read_declarations(NONE, files(texts))) == ["bash .codex/setup.sh"]


def test_our_set_up_replaces_what_is_detected_but_for_the_place_itself(files):
    found = (python.plan(files({"requirements.txt": "ruff\n", "ruff.toml": ""})),)
    detected, last = apply(found, read_declarations(config('[setup]\nrun = "make deps"\n', files), files({})))
    assert [step.title for step in detected.steps] == ["make a virtual environment"]
    assert detected.client == "python"
    assert [step.commands for step in last.steps] == [("make deps",)]
    assert [check.command for check in detected.checks] == ["ruff check ."]


def test_other_tools_set_up_is_added_and_not_done_twice(files):
    texts = {
        "requirements.txt": "ruff\n",
        "AGENTS.md": "# Setup\n\n```\nuv pip install -r requirements.txt\nmake x\n```\n",
    }
    found = (python.plan(files(texts)),)
    detected, last = apply(found, read_declarations(NONE, files(texts)))
    assert len(detected.steps) == 2
    assert [step.commands for step in last.steps] == [("make x",)]


def test_declared_checks_replace_those_of_their_kind_and_keep_the_remedy(files):
    texts = {"requirements.txt": "ruff\n", "ruff.toml": "", "test_a.py": "import pytest"}
    ours = config('[checks]\nlint = "ruff check src"\ntest = []\n', files)
    detected, last = apply((python.plan(files(texts)),), read_declarations(ours, files(texts)))
    assert detected.checks == ()
    (lint,) = last.checks
    assert (lint.command, lint.source) == ("ruff check src", ".dayhand.toml checks.lint")
    assert (lint.probe, lint.remedy) == ("ruff --version", "uv pip install ruff")


@pytest.mark.parametrize(
    ("command", "probe"),
    [
        ("cd web && CI=1 npm test", "command -v npm"),
        ("./check.sh", "command -v ./check.sh"),
        ("A=1 make x", "command -v make"),
        ("'unclosed", "command -v ''\"'\"'unclosed'"),
        ("cd web", "true"),
    ],
)
def test_a_declared_checks_probe_asks_for_the_program_it_starts(files, command, probe):
    (check,) = read_declarations(RepoConfig(checks={"test": (command,)}), files({})).checks
    assert check.probe == probe


def test_what_our_file_declares_really_runs(project, sandbox, log):
    texts = {
        ".dayhand.toml": '[setup]\nrun = "echo built > made.txt"\n[checks]\ntest = "grep built made.txt"\n',
        "Makefile": "lint:\n\ttrue\ntest:\n\tfalse\n",
    }
    repository = project(texts)
    environment = prepare(repository.files, sandbox, repository.fill, log=log, source=repository.source)
    assert [check.command for check in environment.checks] == ["make lint", "grep built made.txt"]
    assert [(step.title, step.passed) for step in environment.steps] == [
        (".dayhand.toml: echo built > made.txt", True)
    ]
    for check in environment.checks:
        with sandbox.open(origin=environment.snapshot) as box:
            repository.fill(box)
            assert box.run(check.command, env=environment.env).passed
