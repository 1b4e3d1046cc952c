"""What people read of a limit, word for word."""

from __future__ import annotations

import pytest
from inline_snapshot import snapshot

from dayhand.publish.wording.limits import limit_hit, note
from dayhand.usage import Limit, LimitHit, Resource

OWN = "`[limits] money` in `.dayhand.toml` on the default branch, to $5.00 at most"
STOPPED = LimitHit(Limit(Resource.MONEY, 1.5, OWN), 1.4712, exceeded=True)
TOLD = LimitHit(Limit(Resource.MINUTES, 60, "DAYHAND_MAX_MINUTES"), 49.04, exceeded=False)


def test_work_that_had_to_stop() -> None:
    assert limit_hit(STOPPED) == snapshot(
        "✋ **This stays a draft:** the model had to stop at a limit ($1.47 of $1.50 used). See the summary below for what is left to do. To accept it as it is, comment `@bot accept` here. To continue, ask again here, or raise `[limits] money` in `.dayhand.toml` on the default branch, to $5.00 at most."
    )
    assert note(STOPPED) == snapshot(
        "⏳ The model had to stop at a limit ($1.47 of $1.50 used). To allow more, raise `[limits] money` in `.dayhand.toml` on the default branch, to $5.00 at most."
    )


def test_work_that_came_to_an_end_once_it_was_told() -> None:
    assert limit_hit(TOLD) == snapshot(
        "⏳ **Finished early** because little was left (49 minutes of 60 minutes used). See the summary below for anything that was left out. To allow more, raise DAYHAND_MAX_MINUTES."
    )
    assert note(TOLD) == snapshot(
        "⏳ The model finished early because little was left (49 minutes of 60 minutes used). To allow more, raise DAYHAND_MAX_MINUTES."
    )


def test_work_that_no_limit_had_a_part_in() -> None:
    assert limit_hit(None) == note(None) == ""


@pytest.mark.parametrize(
    ("means", "most", "amount", "words"),
    [
        (Resource.MONEY, 5, 0.9, "$0.90"),
        (Resource.MONEY, 0.05, 0.0471, "$0.0471"),
        (Resource.MINUTES, 60, 12.04, "12 minutes"),
        (Resource.MINUTES, 60, 1.0, "1 minute"),
        (Resource.MINUTES, 60, 0.5, "0.5 minutes"),
        (Resource.TOKENS, 10_000_000, 1_234_567, "1,234,567 tokens"),
        (Resource.TURNS, 60, 1, "1 turn"),
    ],
)
def test_an_amount_reads_as_people_say_it(means: Resource, most: float, amount: float, words: str) -> None:
    assert Limit(means, most, "").format(amount) == words
