"""The stop button: for people with the dashboard's credential, from the dashboard's own pages."""

from __future__ import annotations

import pytest
from flask import Flask

from dayhand.dashboard.access import Access
from dayhand.ledger import keys
from dayhand.ledger.ledger import Claim, Ledger
from tests.dashboard.conftest import BEARER, TOKEN, a_task, finish, reader, start

COOKIE = f"{Access(TOKEN).cookie}={Access(TOKEN).cookie_value}"


@pytest.fixture
def running(ledger: Ledger) -> Claim:
    return start(ledger, a_task("t-9"))[0]


def test_an_unfinished_task_has_a_button_that_stops_it(app: Flask, ledger: Ledger, running: Claim) -> None:
    page = f"/tasks/{running.task_id}"
    assert f'method="post" action="{page}/stop"' in reader(app).get(page).get_data(as_text=True)
    answer = reader(app).post(f"{page}/stop")
    assert (answer.status_code, answer.headers["Location"]) == (303, page)
    assert ledger.redis.get(keys.stop(running.task_id)) == "Somebody on the dashboard"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Cookie": COOKIE}, 403),
        ({"Cookie": COOKIE, "Origin": "https://evil.example"}, 403),
        ({"Cookie": COOKIE, "Origin": "null"}, 403),
        ({"Cookie": COOKIE, "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Cookie": COOKIE, "Sec-Fetch-Site": "same-site"}, 403),
        ({"Cookie": COOKIE, "Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, 403),
        ({"Cookie": COOKIE, "Sec-Fetch-Site": "same-origin"}, 303),
        ({"Cookie": COOKIE, "Origin": "http://localhost"}, 303),
        (BEARER, 303),
    ],
)
def test_only_our_own_pages_and_programs_with_the_token_stop_a_task(
    app: Flask, ledger: Ledger, running: Claim, headers: dict[str, str], status: int
) -> None:
    answer = app.test_client(use_cookies=False).post(f"/tasks/{running.task_id}/stop", headers=headers)
    assert answer.status_code == status
    assert ledger.redis.exists(keys.stop(running.task_id)) == (status == 303)


def test_a_task_that_is_over_has_no_button(app: Flask, ledger: Ledger) -> None:
    finished = a_task("t-8").id
    finish(ledger, a_task(finished))
    page = reader(app).get(f"/tasks/{finished}").get_data(as_text=True)
    assert "/stop" not in page
    reader(app).post(f"/tasks/{finished}/stop")
    assert not ledger.redis.exists(keys.stop(finished))
