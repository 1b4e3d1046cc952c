"""What is read from workflows in the style of well-known projects: one file each, with the expected plan at its end."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dayhand.environment.declared.workflows.jobs import read_ci
from dayhand.environment.declared.workflows.plan import CiPlan
from tests.environment.conftest import Texts

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.txt"))
# A box of Debian 12: each language's usual version.
BOX = {
    "python": ("3.11.2",),
    "node": ("20.11.0",),
    "go": ("1.19.8",),
    "ruby": ("3.1.2",),
    "php": ("8.2.7",),
    "java": ("17.0.9",),
    "rust": ("1.63.0",),
}
PLAN = "plan"


def sections(text: str) -> dict[str, str]:
    """The files of one case by path, and its plan."""
    parts = re.split(r"^=== (\S+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def describe(plan: CiPlan) -> str:
    """A plan as lines of text."""
    lines = [f"set up {step.folder or '.'}: {step.commands[0]}" for step in plan.steps]
    lines += [
        f"{check.kind} {check.folder or '.'}: {check.command}  [{check.source}]" for check in plan.checks
    ]
    lines += [f"version {version.language} {version.wanted}" for version in plan.versions]
    lines += [f"package {name}" for name, _ in plan.packages]
    for each in plan.services:
        lines += [f"service {name}: {value}" for name, value in each.services.items()]
    lines += [f"left out: {sentence}" for sentence in plan.left_out]
    lines += [f"problem: {sentence}" for sentence in plan.problems]
    return "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_a_workflow_is_read_as_expected(path):
    files = sections(path.read_text("utf-8"))
    expected = files.pop(PLAN)
    assert describe(read_ci(Texts(files), BOX)) == expected


def test_the_corpus_is_large_enough():
    assert len(CORPUS) >= 25
