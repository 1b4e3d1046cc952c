"""The set-up that is declared for other tools, and a sentence for what of it cannot be used."""

from __future__ import annotations

import pytest

from dayhand.environment.declared.dayhand_toml import RepoConfig
from dayhand.environment.declared.declarations import read_declarations

NONE = RepoConfig()
WORKFLOW = ".github/workflows/copilot-setup-steps.yml"
JOB = "jobs:\n  copilot-setup-steps:\n    steps:\n"


def commands_of(declared):
    return [step.commands[0] for step in declared.steps]


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("defaults:\n  run:\n    shell: bash\n" + JOB + "      - run: make\n", ["make"]),
        ("defaults:\n  run:\n    working-directory: web\n" + JOB + "      - run: npm ci\n", ["cd web && npm ci"]),
        (JOB + "      - {name: a, run: 'make a, b'}\n      - {run: make c}\n", ["make a, b", "make c"]),
        ('jobs: {copilot-setup-steps: {steps: [{"run": make}]}}', ["make"]),
        (JOB + '      - "run": make\n', ["make"]),
        (JOB + "      - run: make\n          all\n", ["make all"]),
        (JOB + "      - run: >-\n          make\n          all\n", ["make all"]),
        (JOB + '      - run: "make \\\n          all"\n', ["make all"]),
        (JOB + "      - &a\n        run: make\n      - *a\n", ["make", "make"]),
        (JOB + "      - run: make\n        working-directory: my app\n", ["cd 'my app' && make"]),
        (JOB + "      - working-directory: web\n        run: |\n          a\n          b\n", ["set -e\ncd web\na\nb"]),
        (JOB + "      - name: 'run: rm'\n        uses: x/y@v1\n        with:\n          run: no\n", []),
        ("jobs:\n  other:\n    steps:\n      - run: no\n  copilot-setup-steps:\n    steps:\n      - run: yes-please\n", ["yes-please"]),
        ("jobs:\n  setup:\n    steps:\n      - run: make\n", ["make"]),
        (JOB + "      - run: ''\n      - run:\n", []),
    ],
)  # fmt: skip
def test_a_workflows_steps_are_read_as_yaml(files, text, commands):
    what = read_declarations(NONE, files({WORKFLOW: text}))
    assert (commands_of(what), what.problems) == (commands, ())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("jobs: [", "is not YAML: expected the node content, but found '<stream end>' (line 1); ignored."),
        ("x" * 5_000_000, "is larger than 128 KiB; ignored."),
        ("a: 1\na: 2\n", "repeats the key “a” (line 2); ignored."),
        ("- run: make\n", "has no steps in a job named copilot-setup-steps; ignored."),
        ("jobs:\n  copilot-setup-steps: 3\n", "has no steps in a job named copilot-setup-steps; ignored."),
        (JOB + "      - run: [make]\n", "run of step 1 must be a string; ignored."),
        (JOB + "      - run: print(1)\n        shell: python\n", "step 1 uses the shell “python”; ignored."),
    ],
)
def test_a_workflow_that_cannot_be_used_is_named_and_the_next_source_is_read(files, text, problem):
    what = read_declarations(NONE, files({WORKFLOW: text, ".codex/setup.sh": "make"}))
    assert what.problems == (f"{WORKFLOW}: {problem}",)
    assert commands_of(what) == ["bash .codex/setup.sh"]


@pytest.mark.parametrize("path", [".devcontainer/devcontainer.json", ".cursor/environment.json"])
def test_json_that_cannot_be_read_is_named(files, path):
    what = read_declarations(NONE, files({path: "{"}))
    assert what.problems == (f"{path}: is not a JSON object; ignored.",)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"postCreateCommand": 3}', "postCreateCommand must be a string, a list of strings or an object of these; ignored."),
        ('{"postCreateCommand": ["a", 1]}', "postCreateCommand must be a string, a list of strings or an object of these; ignored."),
    ],
)  # fmt: skip
def test_a_devcontainers_command_of_a_wrong_type_is_named(files, text, problem):
    what = read_declarations(NONE, files({".devcontainer.json": text}))
    assert what.problems == (f".devcontainer.json: {problem}",)
