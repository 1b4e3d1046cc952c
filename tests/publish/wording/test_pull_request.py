"""What people read, word for word."""

from __future__ import annotations

from inline_snapshot import snapshot

from dayhand.errors import CheckoutError
from dayhand.publish.base import Proposal
from dayhand.publish.wording import pull_request
from dayhand.task import NOT_ALLOWED, Ask, Blocked, Change, Citation, Proof, Solution, Task, TaskKind
from dayhand.usage import Usage
from dayhand.verification import (
    Finding,
    Run,
    Verdict,
    Verification,
)

URL = "https://dayhand.example/tasks/t1"
REPO = "https://github.com/ada/shop"
TASK = Task("t1", "ada/shop", 3, 7, "Totals are wrong", "…", Ask(TaskKind.FIX, "fix", "ada"), "main", 1.0)
QUESTION = Task(
    "t2", "ada/shop", 3, 8, "Totals", "…", Ask(TaskKind.FOLLOW_UP, "sure?", "ada", 5), "main", 1.0
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


def proposal(findings: tuple[Finding, ...] = FINDINGS, solution: Solution = SOLUTION) -> Proposal:
    return Proposal(
        change=Change("b" * 40, "t" * 40, ("shop.py",), ""),
        head="c0ffee12",
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
    assert pull_request.pull_body(TASK, proposal(), REPO, task_url=URL) == snapshot("""\
Fixes #7

❌ **There are new failures (1 of 4 passes)**

### What was done, in the model's words

The sum began at one.

### Questions for you

- May an empty cart cost 0?

### Verification, by the worker

| Check | Command | Result |
|---|---|---|
| test | `pytest -q` | [✅ passes](https://dayhand.example/tasks/t1#L41) |
| lint | `ruff check .` | [❌ new failure](https://dayhand.example/tasks/t1#L44) |
| types | `mypy \\| tee x` | [⚠️ fails on the base too](https://dayhand.example/tasks/t1#L44) |
| test | `npm test` | ⛔ the environment cannot run it: node is not there: install it |

### Blocked

Set-up asked for these and did not get them:

- `files.example.org`, asked by `npm ci`
- ````x ``` # y:443````, asked by ````make ``` # x````: no

To allow what is not allowed yet, put this into `.dayhand.toml` on the default branch:

```toml
[network]
allow = ["files.example.org"]
```

<details>
<summary>Evidence</summary>

- `pytest -q`: [12 passed in 0.31s](https://dayhand.example/tasks/t1#L41)
- `ruff check .`: [Found 1 error.](https://dayhand.example/tasks/t1#L44)
- `mypy | tee x`: [Found 1 error.](https://dayhand.example/tasks/t1#L44)
- [`shop.py:2`](https://github.com/ada/shop/blob/c0ffee12/shop.py#L2): `return sum(prices)`
- ~~`shop.py:99`~~ not confirmed: shop.py has 2 lines

</details>

<details>
<summary>$0.03 · 3.2 minutes · 6 turns</summary>

Model: gpt-6.1-sol. 21,961 tokens in (18,000 cached), 1,625 out. [Everything that was run](https://dayhand.example/tasks/t1).

</details>
""")


def test_the_draft() -> None:
    assert pull_request.pull_opening(TASK, URL) == snapshot("""\
Fixes #7

I am working on this, asked by @ada. The check run below tells how far it is; so does [the task's page](https://dayhand.example/tasks/t1).
""")


def test_a_scripted_model_is_called_scripted_wherever_it_is_seen() -> None:
    played = Solution("T", "A", usage=Usage("scripted", dollars=0.0, scripted=True))
    assert "A **scripted** model played this" in pull_request.pull_body(
        TASK, proposal(solution=played), REPO, task_url=URL
    )
    assert "A **scripted** model played this" in pull_request.answered(
        QUESTION, played, (), repository_url="", task_url=URL
    )
    verification = Verification("t", FINDINGS[:1])
    assert "A **scripted** model played this" in pull_request.proposed(
        TASK, URL, verification, usage=played.usage
    )
    assert pull_request.spent(played.usage) == "$0.00 (scripted model)"


def test_an_unknown_price_is_called_unknown() -> None:
    assert pull_request.spent(Usage("own", dollars=None)) == "price unknown"
    assert pull_request.spent(USAGE) == "$0.03"


def test_the_answer_to_a_question() -> None:
    told = pull_request.answered(QUESTION, SOLUTION, (FOUND, LOST), repository_url=REPO, task_url=URL)
    assert told == snapshot("""\
@ada The sum began at one.

- [`shop.py:2`](https://github.com/ada/shop/blob/c0ffee12/shop.py#L2): `return sum(prices)`
- ~~`shop.py:99`~~ not confirmed: shop.py has 2 lines

### Questions for you

- May an empty cart cost 0?

<sub>$0.03 · [everything that was run](https://dayhand.example/tasks/t1)</sub>\
""")


def test_the_comment_says_what_the_ledger_says() -> None:
    said = {
        verdict: pull_request.proposed(
            TASK, "https://pull", Verification("t", (Finding("test", "x", verdict, None),)), usage=USAGE
        )
        for verdict in (Verdict.PASSES, Verdict.NEW_FAILURE, Verdict.CANNOT_RUN)
    }
    assert said == snapshot(
        {
            Verdict.PASSES: "@ada [The pull request](https://pull) is ready for review. ✅ The repository's own checks pass (1 of 1 passes).",
            Verdict.NEW_FAILURE: "@ada [The pull request](https://pull) is there to look at. ❌ There are new failures (0 of 1 pass).",
            Verdict.CANNOT_RUN: "@ada [The pull request](https://pull) is ready for review. ⚠️ The tests could not be run here (0 of 1 pass).",
        }
    )


def test_a_failure_says_what_to_do() -> None:
    error = CheckoutError(
        "ada/shop has no commit on “main” yet.", advice="Push a first commit, then ask again."
    )
    assert pull_request.failed(TASK, error, URL, kept="", handle="dayhand") == snapshot("""\
@ada I could not do this: ada/shop has no commit on “main” yet.

**What to do:** Push a first commit, then ask again.

<sub>Nothing was changed. [The log](https://dayhand.example/tasks/t1) · to try again, write `@dayhand fix this`.</sub>\
""")
    assert "What was pushed before stays." in pull_request.failed(
        TASK, error, URL, kept=pull_request.KEPT_WORK, handle="x"
    )


def test_a_refusal_names_the_person_and_the_reason() -> None:
    assert pull_request.refusal("bob", "Only people with write access can ask.") == snapshot(
        "@bob Only people with write access can ask."
    )


def test_where_nothing_is_declared_nothing_is_claimed() -> None:
    body = pull_request.pull_body(TASK, proposal(findings=()), REPO, task_url=URL)
    assert "so nothing was run" in body
    assert pull_request.check_done(Verification("t", ())) == "No check could speak for or against it"


def test_hostile_words_of_the_model_close_and_mention_nobody() -> None:
    evil = Solution("Fixes #1 @octocat | x", "Fixes #2, see @octocat\n```\nunclosed", usage=USAGE)
    body = pull_request.pull_body(TASK, proposal(solution=evil), REPO, task_url=URL)
    assert body.startswith("Fixes #7\n")
    assert "#2" not in body
    assert "### What was done, in the model's words\n\nFixes #\u200b2" in body
    assert "@octocat" not in body
    assert "### Verification" in body
    assert body.index("```", body.index("unclosed")) < body.index("### Verification")


def test_the_final_title_is_the_models_or_the_issues() -> None:
    assert (
        pull_request.final_title(TASK, Solution("Fix @octocat's a < b", "")) == "Fix @\u200boctocat's a < b"
    )
    assert pull_request.final_title(TASK, Solution("\u200b", "")) == "Totals are wrong"


def test_the_verdict_stands_before_the_models_words() -> None:
    boast = Solution("T", "## Verification\n\nAll 900 tests pass.", usage=USAGE)
    body = pull_request.pull_body(TASK, proposal(solution=boast), REPO, task_url=URL)
    assert body.index("❌ **There are new failures (1 of 4 passes)**") < body.index("All 900 tests pass")
    assert body.count("### Verification") == 1


def test_passing_in_part_is_not_called_passing() -> None:
    lint = Finding("lint", "ruff check .", Verdict.PASSES, HEAD)
    said = {}
    for verdict in (Verdict.FAILS_ON_BASE_TOO, Verdict.FLAKY, Verdict.DOES_NOT_TEST, Verdict.CANNOT_RUN):
        some = Verification("t", (lint, Finding("test", "pytest -q", verdict, HEAD)))
        said[verdict] = f"{some.conclusion.status}: {pull_request.check_done(some)}"
    assert said == snapshot(
        {
            Verdict.FAILS_ON_BASE_TOO: "success: No new failure; what failed before still fails (1 of 2 passes)",
            Verdict.FLAKY: "success: No new failure that stays, but flaky checks (1 of 2 passes)",
            Verdict.DOES_NOT_TEST: "neutral: Checks pass without looking at the change (1 of 2 passes)",
            Verdict.CANNOT_RUN: "neutral: The tests could not be run here (1 of 2 passes)",
        }
    )
    types = Finding("types", "mypy", Verdict.CANNOT_RUN, None)
    some = Verification("t", (lint, FINDINGS[0], types))
    assert pull_request.check_done(some) == "No new failure, but not everything could run (2 of 3 pass)"


def test_a_files_name_cannot_end_the_link_to_it() -> None:
    odd = Proof(Citation("a](//evil) b.py", 1), found=True, text="x", commit="c0ffee12")
    place = pull_request.cited_place(odd, REPO)
    assert place.endswith("(https://github.com/ada/shop/blob/c0ffee12/a%5D%28//evil%29%20b.py#L1): `x`")


def test_a_key_in_a_proof_is_taken_out_before_it_is_cut() -> None:
    key = "gh" + "s_" + "A1b2" * 15
    proof = Proof(Citation("a.py", 1), found=True, text="x" * 280 + " " + key, commit="c")
    assert "A1b2" not in pull_request.cited_place(proof, REPO)
    assert "A1b2" not in pull_request.telling_line("y" * 150 + " " + key)
