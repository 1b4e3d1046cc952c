"""Work in the background of a journey is done in order, and a failure in it is never lost."""

from __future__ import annotations

import threading

import pytest

from dayhand.background import Background
from dayhand.errors import HubError, TaskStopped


def refuse() -> None:
    raise HubError("no draft for you")


def test_what_is_begun_is_done_in_order_on_another_thread() -> None:
    done: list[tuple[int, bool]] = []
    with Background() as background:
        for number in range(3):
            background.begin(
                lambda n=number: done.append((n, threading.current_thread() is threading.main_thread()))
            )
    assert done == [(0, False), (1, False), (2, False)]


def test_nobody_waits_for_it_before_they_ask_to() -> None:
    may_end = threading.Event()
    with Background() as background:
        background.begin(lambda: may_end.wait(10))
        background.check()  # it is under way, and nothing has failed
        may_end.set()
        background.wait()


def test_after_a_failure_nothing_more_is_done_and_every_look_tells_it() -> None:
    done: list[str] = []

    def open_in_vain() -> None:
        with Background() as background:
            background.begin(refuse)
            background.begin(lambda: done.append("the comment"))
            for look in (background.wait, background.check):
                with pytest.raises(HubError, match="no draft"):
                    look()

    with pytest.raises(HubError, match="no draft"):
        open_in_vain()
    assert done == []


def test_leaving_waits_whatever_the_road_and_what_is_on_its_way_out_stays() -> None:
    may_end, ended = threading.Event(), threading.Event()

    def open_slowly() -> None:
        may_end.wait(10)
        ended.set()
        refuse()

    def leave() -> None:
        with Background() as background:
            background.begin(open_slowly)
            may_end.set()
            raise TaskStopped("ada stopped this task")

    with pytest.raises(TaskStopped):
        leave()
    assert ended.is_set()
