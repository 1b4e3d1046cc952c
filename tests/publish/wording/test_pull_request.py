"""What people read, word for word."""

from __future__ import annotations

from dataclasses import replace

import pytest
from inline_snapshot import snapshot

from dayhand.errors import CheckoutError, TaskStopped
from dayhand.publish.base import ProposedChange
from dayhand.publish.wording import comment, cost, evidence, pull_request, verification
from dayhand.reading.instruction_file import InstructionFile
from dayhand.task import NOT_ALLOWED, Ask, Blocked, Change, Citation, Proof, Solution, TaskKind
from dayhand.usage import Usage
from dayhand.verification import (
    Expectation,
    Finding,
    Gap,
    Run,
    Unverified,
    Verdict,
    Verification,
)
from tests.tasks import make_task

URL = "https://dayhand.example/tasks/t1"
REPO = "https://github.com/ada/shop"
TASK = make_task(
    id="t1",
    repository="ada/shop",
    installation=3,
    title="Totals are wrong",
    body="…",
    ask=Ask(TaskKind.FIX, "fix", "ada"),
    created_at=1.0,
)
QUESTION = make_task(
    id="t2",
    repository="ada/shop",
    installation=3,
    number=8,
    title="Totals",
    body="…",
    ask=Ask(TaskKind.FOLLOW_UP, "sure?", "ada", 5),
    created_at=1.0,
)
USAGE = Usage(
    "gpt-6.1-sol", turns=6, input_tokens=21_961, cached_tokens=18_000, output_tokens=1_625, dollars=0.0314
)
HEAD = Run("pytest -q", 0, "exit", 1.2, "....\n==== 12 passed in 0.31s ====\n", 41)
BAD = Run("ruff check .", 1, "exit", 0.1, "E501 line too long\nFound 1 error.\n", 44)
FINDINGS = (
    Finding("test", "pytest -q", Verdict.PASSES, HEAD),
    Finding("lint", "ruff check .", Verdict.NEW_FAILURE, BAD, HEAD),
    Finding("types", "mypy | tee x", Verdict.FAILS_ON_BASE_TOO, BAD, BAD),
    Finding("test", "npm test", Verdict.CANNOT_RUN, None, missing="node is not there: install it"),
)
FOUND = Proof(
    Citation("shop.py", 2, "sum(prices)"), found=True, text="    return sum(prices)", commit="c0ffee12"
)
LOST = Proof(Citation("shop.py", 99), found=False, text="shop.py has 2 lines", commit="c0ffee12")
SOLUTION = Solution("Count nothing twice", "The sum began at one.", ("May an empty cart cost 0?",), (), USAGE)


def proposal(findings: tuple[Finding, ...] = FINDINGS, solution: Solution = SOLUTION) -> ProposedChange:
    return ProposedChange(
        change=Change("b" * 40, "t" * 40, ("shop.py",), ""),
        head="c0ffee12",
        branch=TASK.branch,
        solution=solution,
        verification=Verification("t" * 40, findings),
        blocked=(
            Blocked("files.example.org", 443, NOT_ALLOWED, "npm ci"),
            Blocked("x\n```\n# y", 443, "no", "make\n```\n# x"),
        ),
        proofs=(FOUND, LOST),
        minutes=3.21,
    )


def test_the_finished_pull_request() -> None:
    assert pull_request.body(TASK, proposal(), REPO, task_url=URL) == snapshot("""\
Fixes #7

❌ **There are new failures (1 of 4 passes)**

### Summary by the model

The sum began at one.

### Questions for you

- May an empty cart cost 0?

### Verification by the worker

| Check | Command | Result |
|---|---|---|
| test | `pytest -q` | [✅ passes](https://dayhand.example/tasks/t1?line=41#L41) |
| lint | `ruff check .` | [❌ new failure](https://dayhand.example/tasks/t1?line=44#L44) |
| types | `mypy \\| tee x` | [⚠️ fails on the base too](https://dayhand.example/tasks/t1?line=44#L44) |
| test | `npm test` | ⛔ the environment cannot run it: node is not there: install it |

### Blocked

Set-up tried to reach these hosts and was blocked:

- `files.example.org`, requested by `npm ci`
- ````x ``` # y:443````, requested by ````make ``` # x````: no

To allow a host that is not allowed yet, add it to `.dayhand.toml` on the default branch:

```toml
[network]
allow = ["files.example.org"]
```

<details>
<summary>Evidence</summary>

- `pytest -q`: [12 passed in 0.31s](https://dayhand.example/tasks/t1?line=41#L41)
- `ruff check .`: [Found 1 error.](https://dayhand.example/tasks/t1?line=44#L44)
- `mypy | tee x`: [Found 1 error.](https://dayhand.example/tasks/t1?line=44#L44)
- [`shop.py:2`](https://github.com/ada/shop/blob/c0ffee12/shop.py#L2): `return sum(prices)`
- ~~`shop.py:99`~~ not confirmed: shop.py has 2 lines

</details>

<details>
<summary>$0.03 · 3.2 minutes · 6 turns</summary>

Model: gpt-6.1-sol. 21,961 tokens in (18,000 cached), 1,625 out. [Everything that was run](https://dayhand.example/tasks/t1).

</details>
""")


def test_the_draft() -> None:
    assert pull_request.opening(TASK, URL) == snapshot("""\
Fixes #7

I am working on this for @ada. Follow progress in the check run below or on [the task's page](https://dayhand.example/tasks/t1).
""")


def test_a_scripted_model_is_called_scripted_wherever_it_is_seen() -> None:
    played = Solution("T", "A", usage=Usage("scripted", dollars=0.0, scripted=True))
    assert "A **scripted** model played this" in pull_request.body(
        TASK, proposal(solution=played), REPO, task_url=URL
    )
    assert "A **scripted** model played this" in comment.answered(
        QUESTION, played, (), repository_url="", task_url=URL
    )
    passed = Verification("t", FINDINGS[:1])
    assert "A **scripted** model played this" in comment.proposed(TASK, URL, passed, usage=played.usage)
    assert cost.spent(played.usage) == "$0.00 (scripted model)"


def test_an_unknown_price_is_called_unknown() -> None:
    assert cost.spent(Usage("own", dollars=None)) == "price unknown"
    assert cost.spent(USAGE) == "$0.03"


def test_the_answer_to_a_question() -> None:
    told = comment.answered(QUESTION, SOLUTION, (FOUND, LOST), repository_url=REPO, task_url=URL)
    assert told == snapshot("""\
@ada The sum began at one.

- [`shop.py:2`](https://github.com/ada/shop/blob/c0ffee12/shop.py#L2): `return sum(prices)`
- ~~`shop.py:99`~~ not confirmed: shop.py has 2 lines

### Questions for you

- May an empty cart cost 0?

<sub>$0.03 · [everything that was run](https://dayhand.example/tasks/t1)</sub>\
""")


@pytest.mark.parametrize(
    "summary",
    [
        "1. Count once.\n2. Test it.",
        "- Count once.",
        "> total(prices)",
        "| a |\n| --- |\n| b |",
        "```text\nx\n```",
    ],
)
def test_an_answer_that_begins_with_a_list_or_another_block_begins_on_its_own_line(summary: str) -> None:
    solution = replace(SOLUTION, summary=summary)
    told = comment.answered(QUESTION, solution, (), repository_url=REPO, task_url=URL)
    assert told.startswith(f"@ada\n\n{summary}\n")


def test_the_comment_says_what_the_ledger_says() -> None:
    said = {
        verdict: comment.proposed(
            TASK,
            "https://pull",
            Verification("t", (Finding("test", "x", verdict, None),), gaps=gaps),
            usage=USAGE,
        )
        for verdict, gaps in (
            (Verdict.PASSES, ()),
            (Verdict.NEW_FAILURE, ()),
            (Verdict.CANNOT_RUN, (Gap(Unverified.CANNOT_RUN),)),
        )
    }
    assert said == snapshot(
        {
            Verdict.PASSES: "@ada [The pull request](https://pull) is ready for review. ✅ The repository's own checks pass (1 of 1 passes).",
            Verdict.NEW_FAILURE: "@ada [The pull request](https://pull) needs your attention. ❌ There are new failures (0 of 1 pass).",
            Verdict.CANNOT_RUN: "@ada [The pull request](https://pull) is ready for review. ⚠️ Not verified: the tests could not run here (0 of 1 pass).",
        }
    )


def test_a_failure_says_what_to_do() -> None:
    error = CheckoutError(
        "ada/shop has no commit on “main” yet.", advice="Push a first commit, then ask again."
    )
    assert comment.failed(
        TASK, error, URL, outcome=comment.nothing_pushed(held_back=False), handle="dayhand"
    ) == snapshot("""\
@ada I could not do this: ada/shop has no commit on “main” yet.

**What to do:** Push a first commit, then ask again.

<sub>Nothing was pushed. [The log](https://dayhand.example/tasks/t1) · To try again, comment `@dayhand fix this`.</sub>\
""")
    assert "The commits pushed so far are kept." in comment.failed(
        TASK, error, URL, outcome=comment.KEPT_COMMITS, handle="x"
    )


def test_a_stop_says_once_how_to_go_on() -> None:
    stopped = TaskStopped("ada stopped this task.", advice="Ask again to start it again.")
    assert comment.failed(TASK, stopped, URL, outcome=comment.KEPT_COMMITS, handle="dayhand") == snapshot("""\
@ada ada stopped this task.

<sub>The commits pushed so far are kept. [The log](https://dayhand.example/tasks/t1) · To try again, comment `@dayhand fix this`.</sub>\
""")


def test_a_refusal_names_the_person_and_the_reason() -> None:
    assert comment.refusal("bob", "Only people with write access can ask.") == snapshot(
        "@bob Only people with write access can ask."
    )


def test_our_own_links_stay_links_behind_a_reason_whose_links_do_not() -> None:
    assert comment.refusal("ada", "It [failed](https://evil).", links="[The log](https://x)") == snapshot("""\
@ada It \u200bfailed\u200b (`https://evil`).

[The log](https://x)\
""")


def test_where_nothing_is_declared_nothing_is_claimed() -> None:
    body = pull_request.body(TASK, proposal(findings=()), REPO, task_url=URL)
    assert "so nothing was run" in body
    assert verification.headline(Verification("t", ())) == "Not verified: no check could verify this change"


def test_hostile_words_of_the_model_close_and_mention_nobody() -> None:
    evil = Solution("Fixes #1 @octocat | x", "Fixes #2, see @octocat\n```\nunclosed", usage=USAGE)
    body = pull_request.body(TASK, proposal(solution=evil), REPO, task_url=URL)
    assert body.startswith("Fixes #7\n")
    assert "#2" not in body
    assert "### Summary by the model\n\nFixes #\u200b2" in body
    assert "@octocat" not in body
    assert "### Verification" in body
    assert body.index("```", body.index("unclosed")) < body.index("### Verification")


def test_the_final_title_is_the_models_or_the_issues() -> None:
    assert pull_request.title(TASK, Solution("Fix @octocat's a < b", "")) == "Fix @\u200boctocat's a < b"
    assert pull_request.title(TASK, Solution("\u200b", "")) == "Totals are wrong"


def test_the_verdict_stands_before_the_models_words() -> None:
    boast = Solution("T", "## Verification\n\nAll 900 tests pass.", usage=USAGE)
    body = pull_request.body(TASK, proposal(solution=boast), REPO, task_url=URL)
    assert body.index("❌ **There are new failures (1 of 4 passes)**") < body.index("All 900 tests pass")
    assert body.count("### Verification") == 1


def test_passing_in_part_is_not_called_passing() -> None:
    lint = Finding("lint", "ruff check .", Verdict.PASSES, HEAD)
    old, flaky, missing = (
        Finding("types", "mypy", verdict, HEAD)
        for verdict in (Verdict.FAILS_ON_BASE_TOO, Verdict.FLAKY, Verdict.CANNOT_RUN)
    )
    said = [
        verification.headline(Verification("t", (lint, FINDINGS[0], other)))
        for other in (old, flaky, missing)
    ]
    assert said == snapshot(
        [
            "No new failures; what failed before still fails (2 of 3 pass)",
            "No new failures that persist, but some checks are flaky (2 of 3 pass)",
            "No new failures, but some checks could not run (2 of 3 pass)",
        ]
    )


def test_what_no_test_verifies_is_said_in_the_title_with_the_reason() -> None:
    lint = Finding("lint", "ruff check .", Verdict.PASSES, HEAD)
    said = [
        verification.headline(Verification("t", (lint,), gaps=(Gap(reason, folder),)))
        for reason in Unverified
        for folder in ("", "web/x`y")
        if not folder or reason is Unverified.CANNOT_RUN
    ]
    assert said == snapshot(
        [
            "Not verified: no test command was found (1 of 1 passes)",
            "Not verified: the tests could not run here (1 of 1 passes)",
            "Not verified: the tests could not run here (in web/x\\`y/) (1 of 1 passes)",
            "Not verified: the tests already fail on the base (1 of 1 passes)",
            "Not verified: the tests are flaky (1 of 1 passes)",
            "Not verified: no test notices the change (1 of 1 passes)",
            "Not verified: tests that passed before no longer run (1 of 1 passes)",
            "Not verified: only documentation changed (1 of 1 passes)",
            "Not verified: only tests changed (1 of 1 passes)",
            "Not verified: only configuration changed (1 of 1 passes)",
        ]
    )


def test_changed_expectations_are_counted_in_the_title() -> None:
    one, two = (
        replace(FINDINGS[0], expectations=tuple(Expectation(name) for name in names)) for names in ("a", "ab")
    )
    assert [verification.headline(Verification("t", (each,))) for each in (one, two)] == snapshot(
        [
            "Passes with 1 changed expectation: confirm it in review (1 of 1 passes)",
            "Passes with 2 changed expectations: confirm them in review (1 of 1 passes)",
        ]
    )


def test_a_files_name_cannot_end_the_link_to_it() -> None:
    odd = Proof(Citation("a](//evil) b.py", 1), found=True, text="x", commit="c0ffee12")
    place = evidence.citation(odd, REPO)
    assert place.endswith("(https://github.com/ada/shop/blob/c0ffee12/a%5D%28//evil%29%20b.py#L1): `x`")


def test_a_key_in_a_proof_is_taken_out_before_it_is_cut() -> None:
    key = "gh" + "s_" + "A1b2" * 15
    proof = Proof(Citation("a.py", 1), found=True, text="x" * 280 + " " + key, commit="c")
    assert "A1b2" not in evidence.citation(proof, REPO)
    assert "A1b2" not in evidence.last_line("y" * 150 + " " + key)


def test_instruction_files_say_what_they_governed_and_what_was_cut() -> None:
    files = (
        InstructionFile("AGENTS.md", "", size=120, kept=120),
        InstructionFile("docs/AGENTS.md", "docs/", size=20, kept=20),
        InstructionFile(
            ".cursor/rules/py.mdc", "", ("**/*.py",), 40_000, 32_000, "only its beginning fitted"
        ),
        InstructionFile(".cursor/rules/x.mdc", "", reason="it applies on request only"),
    )
    assert pull_request.instruction_files(files, ("shop.py", "shop.html")) == snapshot("""\
<details><summary>Instruction files: 4 found, 3 read</summary>

| file | in this change |
|---|---|
| `AGENTS.md` | `shop.py`, `shop.html` |
| `.cursor/rules/py.mdc` | `shop.py` (32,000 of 40,000 bytes were read) |
| `.cursor/rules/x.mdc` | not read: it applies on request only |

1 more, about other files, on the task's page.
</details>\
""")
    assert pull_request.instruction_files((), ("shop.py",)) == ""
