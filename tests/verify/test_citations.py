"""Looking up what the model cites."""

from __future__ import annotations

import pytest

from dayhand.task import Citation
from dayhand.verify.citations import look_up_citations
from tests.verify.files import InMemoryFiles

FILES = InMemoryFiles(
    {"sql/search.sql": "SELECT id,\n       bm25(notes)  AS rank\nFROM notes\nORDER BY rank;\n"}
)


@pytest.mark.parametrize(
    ("citation", "found", "line", "text"),
    [
        (Citation("sql/search.sql", 2, "bm25(notes) AS rank"), True, 2, "       bm25(notes)  AS rank"),
        (Citation("sql/search.sql", 4, "AS rank"), True, 2, "       bm25(notes)  AS rank"),
        (Citation("sql/search.sql", 3), True, 3, "FROM notes"),
        (Citation("sql/search.sql", 4, "ORDER BY score"), False, 4, "line 4 says: ORDER BY rank;"),
        (Citation("sql/search.sql", 9, "x"), False, 9, "sql/search.sql has 4 lines"),
        (Citation("sql/search.sql", 0, "x"), False, 0, "sql/search.sql has 4 lines"),
        (Citation("no/such.sql", 1, "x"), False, 1, "there is no text file no/such.sql"),
    ],
    ids=["there", "near", "no-quote", "not-there", "past-the-end", "line-zero", "no-file"],
)
def test_a_citation_is_found_only_where_it_stands(
    citation: Citation, found: bool, line: int, text: str
) -> None:
    (proof,) = look_up_citations((citation,), FILES, "c0ffee")
    assert (proof.found, proof.citation.line, proof.text) == (found, line, text)
    assert proof.commit == "c0ffee"
