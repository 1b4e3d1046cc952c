"""Which issues are vague enough for a question before the work."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dayhand.agent.understand import is_vague
from dayhand.task import Ask, TaskKind
from tests.tasks import make_task


@pytest.mark.parametrize(
    ("title", "body", "comment", "vague"),
    [
        ("Dark mode", "", "", True),
        ("Improve performance", "Please!", "", True),
        ("Bug", "<!-- describe it in at least twenty words, with the steps that show it -->", "", True),
        ("性能优化", "", "", True),
        ("Dark mode", "", "for the settings page, as a switch in the corner", False),
        ("Fix total()", "", "", False),
        ("Typo in README.md", "", "", False),
        ("Crash on line 3", "", "", False),
        ("Rename sum_of", "", "", False),
        ("Totals are one too high", "An empty cart costs 1.", "", False),
        (
            "购物车为空时总价显示为一元，应当显示为零元，请修复这个计算错误并补充一个相应的单元测试以免再犯",
            "",
            "",
            False,
        ),
    ],
)
def test_an_issue_is_vague_if_it_is_short_and_names_nothing(
    title: str, body: str, comment: str, vague: bool
) -> None:
    ask = Ask(TaskKind.FIX, comment or title, "ada", 5 if comment else None)
    task = replace(make_task(), title=title, body=body, ask=ask, number=3)
    assert is_vague(task) is vague
    assert not is_vague(replace(task, ask=replace(ask, approved=True))), "a person read the plan"
    assert not is_vague(replace(task, number=0)), "nobody can be asked during a local run"
