"""A model that fails in the middle of a task, and what people read about the fallback model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import requests

from dayhand.scripted_model.moves import FOREVER, Fault, Plan
from dayhand.task import Proposed, State, Unfinished
from tests.journey.harness import BEARER, DONE, FIX, UNTESTED_SHOP, Harness
from tests.journey.test_faults import run_with_faults

OWN_PRICES = """
["gpt-6.1-sol"]
input = 1_000_000
output = 0
["my-model"]
input = 0
output = 1_000_000
"""
NO_CREDIT = '{"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}'


def test_people_are_told_which_model_took_over_why_and_what_each_cost(harness: Harness) -> None:
    harness.settings = replace(harness.settings, models=("gpt-6.1-sol", "gpt-6.1-terra"))
    gone = Fault("status", 429, NO_CREDIT, times=FOREVER, model="gpt-6.1-sol")
    result = run_with_faults(harness, [[FIX], [gone, DONE]], UNTESTED_SHOP)
    assert result.record.state is State.PROPOSED, result.record.reason
    server = urlsplit(harness.settings.openai_base_url).netloc
    why = f"The account at {server} has no credit left: You exceeded your quota"
    assert f"{why} Continuing with gpt-6.1-terra." in result.log
    (pull,) = harness.pulls(result.repo)
    assert f"⚠️ **gpt-6.1-sol** could not continue, so **gpt-6.1-terra** took over: {why}" in pull.body
    assert "\n- gpt-6.1-sol: 1 turn, " in pull.body
    assert "\n- gpt-6.1-terra: 1 turn, " in pull.body
    assert "Total: " in pull.body
    outcome = result.record.outcome
    assert isinstance(outcome, Proposed)
    shares = outcome.solution.usage.by_model
    assert [share.model for share in shares] == ["gpt-6.1-sol", "gpt-6.1-terra"]
    assert all(share.dollars and share.dollars > 0 for share in shares)
    address = harness.app.webhook_url.replace("/webhook", f"/tasks/{result.record.task.id}")
    page = requests.get(address, headers=BEARER, timeout=60).text
    assert "gpt-6.1-sol failed, so gpt-6.1-terra took over: The account" in page
    assert "gpt-6.1-sol, then gpt-6.1-terra · 2 turns" in page


def test_the_bill_follows_the_operators_prices(harness: Harness, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(OWN_PRICES)
    harness.settings = replace(harness.settings, models=("my-model",), prices=own, max_dollars=0)
    result = run_with_faults(harness, [[FIX], [DONE]], UNTESTED_SHOP)
    (pull,) = harness.pulls(result.repo)
    outcome = result.record.outcome
    assert isinstance(outcome, Proposed)
    assert f"<summary>${outcome.solution.usage.output_tokens:.2f} · " in pull.body


def test_a_failure_tells_what_it_cost(harness: Harness) -> None:
    harness.settings = replace(harness.settings, models=("gpt-6.1-sol", "gpt-6.1-terra"))
    sol = Fault("status", 404, "{}", times=FOREVER, model="gpt-6.1-sol")
    terra = Fault("status", 429, NO_CREDIT, times=FOREVER, model="gpt-6.1-terra")
    result = run_with_faults(harness, [[FIX], [sol, Plan((("look", "pending"),))], [terra]], UNTESTED_SHOP)
    outcome = result.record.outcome
    assert isinstance(outcome, Unfinished)
    usage = outcome.usage
    assert (usage.turns, len(usage.by_model)) == (2, 2)
    cost = f"${usage.dollars:.2f}"
    assert f"{cost} for 2 turns of gpt-6.1-sol, then gpt-6.1-terra." in harness.bot_comments(result.issue)[-1]
    address = harness.app.webhook_url.replace("/webhook", f"/tasks/{result.record.task.id}")
    assert (
        f"gpt-6.1-sol, then gpt-6.1-terra · 2 turns · {usage.input_tokens:,} tokens in"
        in requests.get(address, headers=BEARER, timeout=60).text
    )
