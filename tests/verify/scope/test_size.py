"""The size of a change, and the limits that apply to it."""

from __future__ import annotations

from dayhand.verification import Scope
from dayhand.verify.scope.size import measure

OPERATOR = Scope(max_lines=800, max_files=40)


def test_the_operators_limits_hold_where_the_repository_sets_none() -> None:
    assert measure({"shop.py": 2, "notes.py": 801}, {}, OPERATOR) == Scope(803, 2, 800, 40)
    assert measure({"shop.py": 2, "notes.py": 801}, {}, OPERATOR).too_large
    assert measure({"shop.py": 2}, {"lines": 6}, OPERATOR) == Scope(2, 1, 6, 40)
    assert measure({"shop.py": 2}, {"files": 3, "lines": 6000}, OPERATOR) == Scope(2, 1, 6000, 3)


def test_lock_files_are_not_counted() -> None:
    assert measure({"shop.py": 2, "web/yarn.lock": 99}, {}, OPERATOR) == Scope(2, 1, 800, 40)
