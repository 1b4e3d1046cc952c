"""What a request says about its cost, its time and its branch."""

from __future__ import annotations

import pytest

from dayhand.intake.terms import Terms, read_terms, without_terms


@pytest.mark.parametrize(
    ("text", "terms", "rest"),
    [
        ("fix this, max $1.50", Terms(1.5, None), "fix this"),
        ("fix this (max 2 dollars, 10 min)", Terms(2, 10), "fix this"),
        ("fix this, 10 min", Terms(None, 10), "fix this"),
        ("fix this within 1 hour", Terms(None, 60), "fix this"),
        ("fix this on branch develop", Terms(base="develop"), "fix this"),
        ("fix this on the release/2.x branch, at most $3", Terms(3, None, "release/2.x"), "fix this"),
        ("fix this, base: develop", Terms(base="develop"), "fix this"),
        ("fix this on this branch", Terms(), "fix this on this branch"),
        ("raise the timeout to 10 min in the client", Terms(), "raise the timeout to 10 min in the client"),
        ("the price of $5 is shown twice, fix it", Terms(), "the price of $5 is shown twice, fix it"),
    ],
)
def test_terms_are_read_and_nothing_else_is(text: str, terms: Terms, rest: str) -> None:
    assert read_terms(text) == terms
    assert without_terms(text).strip() == rest
