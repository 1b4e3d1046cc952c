"""What was spent today, and the caps of an operator."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dayhand.ledger.ledger import Ledger
from dayhand.ledger.spending import DailyCaps, find_used_up, record_spending
from dayhand.usage import Usage
from tests.tasks import make_task


@pytest.mark.parametrize(
    ("caps", "setting"),
    [
        (DailyCaps(person=1), "person in DAYHAND_MAX_DAILY_DOLLARS"),
        (DailyCaps(repository=1.5), "repository in DAYHAND_MAX_DAILY_DOLLARS"),
        (DailyCaps(installation=0.1), "installation in DAYHAND_MAX_DAILY_DOLLARS"),
        (DailyCaps(2, 2, 2), ""),
        (DailyCaps(), ""),
    ],
)
def test_a_cap_is_reached_by_what_was_spent_today(ledger: Ledger, caps: DailyCaps, setting: str) -> None:
    task = make_task()
    for dollars in (0.75, None, 0.75):
        record_spending(ledger, task, Usage("m", dollars=dollars))
    found = find_used_up(ledger, caps, task)
    assert (found.setting if found else "") == setting
    elsewhere = replace(task, repository="eve/other", installation=99, ask=replace(task.ask, asker="eve"))
    assert find_used_up(ledger, caps, elsewhere) is None
