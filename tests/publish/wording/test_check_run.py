"""The buttons of a finished check run."""

from __future__ import annotations

import pytest

from dayhand.intake.verbs.budget import changed
from dayhand.publish.wording.check_run import buttons
from dayhand.usage import AskedLimits


@pytest.mark.parametrize(
    "asked",
    [
        AskedLimits(0.03),
        AskedLimits(2),
        AskedLimits(1.5, 20),
        AskedLimits(0, 90),
        AskedLimits(1234.5),
        AskedLimits(250, 600),
    ],
)
def test_more_budget_says_what_a_click_allows_within_githubs_limits(asked: AskedLimits) -> None:
    _, more = buttons(asked=asked)
    raised = changed(asked, more["identifier"])
    assert raised == AskedLimits(2 * asked.dollars, 2 * asked.minutes)
    assert more["description"] == f"Retry: up to {raised}"
    assert (len(more["label"]) <= 20, len(more["description"]) <= 40, len(more["identifier"]) <= 20) == (
        True,
    ) * 3


def test_a_limit_that_no_person_set_is_not_offered_to_be_raised() -> None:
    assert [one["label"] for one in buttons(asked=AskedLimits(), asks=True)] == ["Retry", "Accept"]
