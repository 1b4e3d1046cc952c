"""The stories are real: each repository is green, its script repairs it, and each new test fails without the repair."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from dayhand.demo.cases.chat.story import CHAT, PATHS
from dayhand.demo.cases.reminders.story import REMINDERS
from dayhand.demo.cases.search.story import DOUBT, SEARCH
from dayhand.demo.stories import STORIES
from dayhand.demo.story import Story
from dayhand.scripted_model.moves import Finish, ScriptState
from tests.demo.conftest import Repaired, StoryCheckout
from tests.test_cli import start

CreateCheckout = Callable[[Story], StoryCheckout]
Repair = Callable[[Story], Repaired]

CHECKS = {
    "search": ("ruff check .", "ruff format --check .", "python3 -m pytest -q"),
    "reminders": ("make lint", "make test"),
    "chat": ("npm test",),
}
FOLLOW_UP = SEARCH.scripts[0]

needs_node = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed on this machine")
each_story = pytest.mark.parametrize(
    "story",
    [pytest.param(story, marks=[needs_node] if story is CHAT else []) for story in STORIES],
    ids=lambda story: story.name,
)


def failing(checkout: StoryCheckout, story: Story) -> list[str]:
    results = {command: checkout.run(command) for command in CHECKS[story.name]}
    return [f"{command}\n{printed}" for command, (code, printed) in results.items() if code != 0]


@each_story
def test_the_repository_is_green_before_anything_happens(
    create_checkout: CreateCheckout, story: Story
) -> None:
    assert failing(create_checkout(story), story) == []


@each_story
def test_the_repository_is_green_after_the_script(repair: Repair, story: Story) -> None:
    checkout, _ = repair(story)
    assert failing(checkout, story) == []


@each_story
def test_the_new_tests_fail_without_the_repair(repair: Repair, story: Story) -> None:
    checkout, _ = repair(story)
    tests = [path for path in checkout.patched if path.startswith("test")]
    code, _ = checkout.run(f"git stash push -q -- $(git ls-files -m | grep -v -e {' -e '.join(tests)})")
    assert code == 0
    code, printed = checkout.run(CHECKS[story.name][-1])
    assert code != 0, printed


@each_story
def test_nothing_but_the_change_is_left_behind(repair: Repair, story: Story) -> None:
    checkout, _ = repair(story)
    _, changed = checkout.run("git status --porcelain")
    assert sorted(line[3:] for line in changed.splitlines()) == sorted(set(checkout.patched))


@each_story
def test_every_citation_is_a_line_of_the_changed_repository(repair: Repair, story: Story) -> None:
    checkout, end = repair(story)
    assert end.citations
    for citation in end.citations:
        assert checkout.line(citation["path"], citation["line"]) == citation["quote"]


@each_story
def test_a_second_time_the_script_finds_nothing_to_do(repair: Repair, story: Story) -> None:
    checkout, _ = repair(story)
    checkout.run("git -c user.name=Ada -c user.email=ada@example.org commit -q -a -m Merged")
    checkout.outputs.clear()
    checkout.patched.clear()
    end = checkout.play(story.scripts[-1], story.title)
    assert "changed nothing" in end.account
    assert checkout.patched == []
    assert (story is REMINDERS) or end.citations


@each_story
def test_a_script_knows_its_own_story_only(story: Story) -> None:
    for other in STORIES:
        prompt = f"{other.title}\n\n{other.body}"
        assert story.scripts[-1].matches(prompt) == (other is story)
        assert not FOLLOW_UP.matches(prompt)


def test_the_follow_up_is_answered_with_the_line_that_proves_it(repair: Repair) -> None:
    checkout, _ = repair(SEARCH)
    checkout.outputs.clear()
    before = list(checkout.patched)
    end = checkout.play(FOLLOW_UP, DOUBT)
    assert checkout.patched == before
    proof = end.citations[0]
    assert proof["path"] == "sql/search.sql"
    assert checkout.line(proof["path"], proof["line"]) == proof["quote"]
    assert proof["quote"].endswith("AS rank")
    assert "`0.0 Lemon rice`" in end.account
    assert "the columns id, title, minutes, rank" in end.account
    assert "only id, title, ingredients, steps, minutes." in end.account


def test_the_answer_to_the_follow_up_comes_from_what_is_there(create_checkout: CreateCheckout) -> None:
    """With another alias in the query the answer does not claim a line that is not there."""
    checkout = create_checkout(SEARCH)
    checkout.run(
        "sed -i 's/AS rank$/AS distance/; s/rank IS/distance IS/; s/BY rank/BY distance/' sql/search.sql"
    )
    end = checkout.play(FOLLOW_UP, DOUBT)
    assert "AS rank" not in str(end.citations)


def test_the_search_account_tells_what_came_first(repair: Repair) -> None:
    _, end = repair(SEARCH)
    assert "it began with *Fried trout*" in end.account
    assert "begins with *Lemon rice*" in end.account
    assert "2 of them failed" in end.account


def test_the_prompt_linter_sends_the_first_attempt_back(repair: Repair) -> None:
    checkout, end = repair(REMINDERS)
    linted = [text for text in checkout.outputs if "3 prompts" in text]
    assert [text.startswith("Exit code: 0") for text in linted] == [False, True]
    assert "{{title}} is not declared" in linted[0]
    assert "[7, 7, 7, 7]" in end.account


@needs_node
def test_the_chat_mode_goes_through_four_files(repair: Repair) -> None:
    checkout, end = repair(CHAT)
    assert {citation["path"] for citation in end.citations} == set(PATHS)
    assert set(PATHS) <= set(checkout.patched)


@needs_node
def test_without_npms_registry_the_linter_is_said_to_be_missing_and_the_tests_run(
    create_checkout: CreateCheckout,
) -> None:
    repository = create_checkout(CHAT).folder
    with tempfile.TemporaryDirectory(prefix="dayhand-story-") as made:
        Path(made).chmod(0o755)  # the sandbox's own users pass through it
        away = {"NPM_CONFIG_REGISTRY": "http://127.0.0.1:9/"}
        with start("environment", "--json", str(repository), cwd=Path(made), **away) as process:
            output, errors = process.communicate()  # npm tries again and again; pytest bounds it
    assert process.returncode == 1, errors
    found = json.loads(output)
    assert [step["passed"] for step in found["steps"]] == [False], errors
    lint, test = found["checks"]
    assert (lint["command"], lint["run"]) == ("npm run lint", None)
    assert lint["missing"].startswith("eslint could not be installed: ")
    assert (test["command"], test["run"]["code"]) == ("npm run test", 0)


def test_a_linter_that_could_not_be_installed_is_told() -> None:
    printed = [
        "",
        "src/chat-panel.js:9:    ${ChatBox({ draft, hint })}",
        *[""] * 8,
        "sh: 1: eslint: not found",
    ]
    end = CHAT.scripts[0].play(ScriptState(9, (), tuple(printed), CHAT.title))[-1]
    assert isinstance(end, Finish)
    assert "could not be installed" in end.account


def test_the_lock_file_holds_no_registry_address() -> None:
    assert "resolved" not in CHAT.files()["package-lock.json"]


def test_one_story_begins_with_a_comment_and_two_with_the_label() -> None:
    assert [bool(story.comment) for story in STORIES] == [False, True, False]
    assert [bool(story.follow_up) for story in STORIES] == [True, False, False]
