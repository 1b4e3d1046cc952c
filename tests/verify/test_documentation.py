"""The tables of docs/verdict.md: each row names tests that exist, and every verdict and conclusion has a row."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dayhand.publish.wording.verification import MARKS, VERDICTS
from dayhand.verification import Verdict
from dayhand.verify.cannot_run.base import Kind
from dayhand.verify.cannot_run.wording import CURES, SENTENCES

ROOT = Path(__file__).parents[2]
TESTS = {path.name: path.read_text() for path in (ROOT / "tests").rglob("test_*.py")}
TEXT = (ROOT / "docs/verdict.md").read_text()
NAMED = re.compile(r"`(?:(test_\w+\.py)(?:::)?)?(test_\w+)?(\[[\w-]+\])?`")


@dataclass(frozen=True)
class Row:
    heading: str
    cells: tuple[str, ...]


def rows() -> Iterator[Row]:
    """The rows of every table whose last column names tests."""
    heading, inside = "", False
    for line in TEXT.splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        cells = tuple(cell.strip() for cell in line.strip("|").split(" |")) if line.startswith("|") else ()
        if not cells:
            inside = False
        elif cells[-1].strip() in ("test", "shown by"):
            inside = True
        elif inside and set(line) - set("|- "):
            yield Row(heading, cells)


ROWS = tuple(rows())


def test_the_tables_are_there() -> None:
    assert len({row.heading for row in ROWS}) >= 6
    assert len(ROWS) > 30


def test_each_row_names_tests_that_exist() -> None:
    """The name of a file also applies to the names after it; "the same" refers to the row above."""
    file = function = ""
    for row in ROWS:
        named = NAMED.findall(row.cells[-1])
        assert named or row.cells[-1] == "the same", row
        for file_name, name, identity in named:
            file = file_name or next(
                (path for path, text in TESTS.items() if name and f"def {name}(" in text), file
            )
            function = name or function
            text = TESTS[file]
            assert f"def {function}(" in text, (row, function)
            body = text[: text.index(f"def {function}(")].rpartition("\ndef ")[2]
            assert not identity or f'"{identity[1:-1]}"' in body, (row, identity)


def test_each_test_that_the_page_names_exists() -> None:
    names = re.findall(r"\b(test_\w+)\b(?!\.py)", TEXT)
    assert names
    for name in names:
        assert any(f"def {name}(" in text for text in TESTS.values()), name


@pytest.mark.parametrize("verdict", Verdict)
def test_each_verdict_has_a_row(verdict: Verdict) -> None:
    verdicts = [row.cells[-2] for row in ROWS if row.heading == "The verdict on a check"]
    assert any(VERDICTS[verdict].partition(":")[0] in cell for cell in verdicts)


@pytest.mark.parametrize("conclusion", MARKS)
def test_each_conclusion_has_a_row(conclusion: str) -> None:
    table = TEXT.partition("## The conclusion of the check run")[2].partition("\n## ")[0]
    assert f"| `{conclusion}` |" in table


@pytest.mark.parametrize("kind", Kind)
def test_each_kind_of_what_is_missing_has_its_row(kind: Kind) -> None:
    sentence, cure = (re.sub(r"{[a-z]+}", "…", words[kind]) for words in (SENTENCES, CURES))
    assert f"| {kind} | {sentence} | {cure} |" in TEXT
