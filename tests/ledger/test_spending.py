"""What was used today, and the caps of an operator."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dayhand.ledger.ledger import Ledger
from dayhand.ledger.spending import find_used_up, read_caps, record_opening, record_spending
from dayhand.usage import Usage
from tests.tasks import make_task


@pytest.mark.parametrize(
    ("dollars", "usage", "setting", "used"),
    [
        (["person=1"], [], "person in DAYHAND_MAX_DAILY_DOLLARS", "$1.50"),
        (["repository=1.5"], [], "repository in DAYHAND_MAX_DAILY_DOLLARS", "$1.50"),
        (["installation=0.1"], [], "installation in DAYHAND_MAX_DAILY_DOLLARS", "$1.50"),
        ([], ["person=3 tasks"], "person in DAYHAND_MAX_DAILY_USAGE", "3 tasks"),
        (
            [],
            ["repository=4tasks", "repository=15minutes"],
            "repository in DAYHAND_MAX_DAILY_USAGE",
            "15 minutes",
        ),
        ([], ["installation=3000 tokens"], "installation in DAYHAND_MAX_DAILY_USAGE", "3,300 tokens"),
        (["person=2", "repository=2", "installation=2"], ["person=4 tasks", "person=16 minutes"], "", ""),
        ([], [], "", ""),
    ],
)
def test_a_cap_is_reached_by_what_was_used_today(
    ledger: Ledger, dollars: list[str], usage: list[str], setting: str, used: str
) -> None:
    task, caps = make_task(), read_caps(dollars, usage)
    for cost in (0.75, None, 0.75):
        record_opening(ledger, task)
        spent = Usage("m", 1, 1000, 0, 100, cost, seconds=300)
        record_spending(ledger, task, spent)
    found = find_used_up(ledger, caps, task)
    assert (found.cap.setting if found else "") == setting
    assert (found.cap.format(found.used) if found else "") == used
    elsewhere = replace(task, repository="eve/other", installation=99, ask=replace(task.ask, asker="eve"))
    assert find_used_up(ledger, caps, elsewhere) is None
