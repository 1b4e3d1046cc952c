"""The table of failures: it is the one in the documentation, and real answers lead to its rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from dayhand.hub.failures import (
    TABLE,
    CallKind,
    Failure,
    failure_of_git,
    failure_of_status,
    next_step,
    refusal_lines,
)

PAGE = Path(__file__).parents[2] / "docs" / "github-calls.md"


def documented() -> dict[tuple[str, str], str]:
    table = (
        PAGE.read_text(encoding="utf-8")
        .partition("\n## What happens after a failure\n")[2]
        .partition("\n## ")[0]
    )
    lines = [line for line in table.splitlines() if line.startswith("| ")]
    heading, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {(row[0], call): cell for row in rows for call, cell in zip(heading[1:], row[1:], strict=True)}


def test_each_cell_of_the_documentation_is_what_the_code_does() -> None:
    assert documented() == {
        (failure, call): step or "–" for failure, cells in TABLE.items() for call, step in cells.items()
    }


@pytest.mark.parametrize("call", CallKind)
def test_a_failure_that_cannot_happen_to_a_call_is_not_repeated(call: CallKind) -> None:
    assert {next_step(failure, call) for failure, cells in TABLE.items() if cells[call] is None} <= {
        "give up"
    }


@pytest.mark.parametrize(
    ("status", "message", "failure"),
    [
        (401, "Bad credentials", Failure.BAD_TOKEN),
        (403, "Resource not accessible by integration", Failure.FORBIDDEN),
        (403, "You have exceeded a secondary rate limit.", Failure.LIMIT),
        (403, "API rate limit exceeded for installation.", Failure.LIMIT),
        (429, "", Failure.LIMIT),
        (403, "was submitted too quickly", Failure.LIMIT),
        (500, "", Failure.SERVER_FAULT),
        (502, "<html>", Failure.SERVER_FAULT),
        (504, "", Failure.SERVER_FAULT),
        (301, "Moved Permanently", Failure.MOVED),
        (404, "Not Found", Failure.MOVED),
        (404, "Integration not found", Failure.BAD_TOKEN),
        (307, "Temporary Redirect", Failure.MOVED),
        (403, "This installation has been suspended", Failure.SUSPENDED),
        (403, "You have triggered an abuse detection mechanism.", Failure.LIMIT),
        (403, "Maximum number of login attempts exceeded. Please try again later.", Failure.LIMIT),
        (400, "API rate limit already exceeded", Failure.LIMIT),
        (422, "The title is too long: how we count our rate limit", Failure.INVALID),
        (409, "Git Repository is empty.", Failure.INVALID),
        (410, "Issues are disabled", Failure.INVALID),
        (422, "Validation Failed", Failure.INVALID),
        (400, "Problems parsing JSON", Failure.OTHER),
    ],
)
def test_an_http_answer_leads_to_a_row(status: int, message: str, failure: Failure) -> None:
    assert failure_of_status(status, message) is failure


@pytest.mark.parametrize(
    ("status", "headers", "failure"),
    [
        (403, {"retry-after": "7"}, Failure.LIMIT),
        (403, {"x-ratelimit-remaining": "0"}, Failure.LIMIT),
        (403, {"x-ratelimit-remaining": "12"}, Failure.FORBIDDEN),
        (404, {"x-ratelimit-remaining": "0"}, Failure.MOVED),  # the last request of the hour
        (503, {"retry-after": "7"}, Failure.SERVER_FAULT),
    ],
)
def test_headers_tell_a_limit_whatever_github_calls_it(
    status: int, headers: dict[str, str], failure: Failure
) -> None:
    assert failure_of_status(status, "Forbidden", headers) is failure


@pytest.mark.parametrize(
    ("stderr", "failure"),
    [
        ("fatal: unable to access 'https://x/': The requested URL returned error: 502", Failure.SERVER_FAULT),
        ("error: RPC failed; HTTP 503 curl 22 The requested URL returned error: 503", Failure.SERVER_FAULT),
        ("fatal: unable to access 'https://x/': The requested URL returned error: 429", Failure.LIMIT),
        ("fatal: unable to access 'https://x/': The requested URL returned error: 403", Failure.FORBIDDEN),
        ("remote: Permission to a/b.git denied to dayhand[bot].", Failure.FORBIDDEN),
        ("fatal: Authentication failed for 'https://x/'", Failure.BAD_TOKEN),
        ("remote: Invalid username or token. Password authentication is not supported", Failure.BAD_TOKEN),
        (
            "fatal: could not read Username for 'https://x': terminal prompts disabled",
            Failure.BAD_TOKEN,
        ),
        ("remote: Repository not found.\nfatal: repository 'https://x/' not found", Failure.MOVED),
        ("fatal: unable to access 'https://x/': The requested URL returned error: 301", Failure.MOVED),
        ("fatal: unable to update url base from redirection:", Failure.MOVED),
        (
            "fatal: unable to access 'https://x/': Failed to connect to x port 443: Connection refused",
            Failure.NO_CONNECTION,
        ),
        ("fatal: unable to access 'https://x/': Could not resolve host: x", Failure.NO_CONNECTION),
        ("error: RPC failed; curl 56 Recv failure: Connection reset by peer", Failure.LOST_ANSWER),
        ("fatal: unable to access 'https://x/': Empty reply from server", Failure.LOST_ANSWER),
        ("fatal: the remote end hung up unexpectedly", Failure.LOST_ANSWER),
        ("fatal: early EOF\nfatal: fetch-pack: invalid index-pack output", Failure.LOST_ANSWER),
        ("error: RPC failed; curl 92 HTTP/2 stream 5 was not closed cleanly: CANCEL", Failure.LOST_ANSWER),
        (" ! [rejected]        a -> b (fetch first)", Failure.BRANCH_MOVED),
        (" ! [rejected]        a -> b (stale info)", Failure.BRANCH_MOVED),
        (
            " ! [remote rejected] a -> b (cannot lock ref 'refs/heads/b': is at 1 but expected 2)",
            Failure.BRANCH_MOVED,
        ),
        (" ! [remote rejected] a -> b (failed to update ref)", Failure.BRANCH_MOVED),
        ("remote: error: GH013: Repository rule violations found for refs/heads/b.", Failure.RULE),
        ("remote: error: GH006: Protected branch update failed for refs/heads/b.", Failure.RULE),
        (" ! [remote rejected] a -> b (pre-receive hook declined)", Failure.RULE),
        (
            " ! [remote rejected] a -> b (refusing to allow a GitHub App to create or update workflow",
            Failure.RULE,
        ),
        ("fatal: write error: No space left on device", Failure.FULL_DISK),
        ("remote: fatal: write error: No space left on device", Failure.SERVER_FAULT),
        ("fatal: '/x' does not appear to be a git repository", Failure.OTHER),
        ("remote: This repository was archived so it is read-only.\nfatal: error: 403", Failure.FORBIDDEN),
        ("remote: error: GH001: Large files detected. You may want to try Git LFS", Failure.RULE),
        ("batch response: This repository is over its data quota.", Failure.OTHER),
    ],
)
def test_what_git_says_leads_to_a_row(stderr: str, failure: Failure) -> None:
    assert failure_of_git(stderr) is failure


def test_a_refusal_is_quoted_without_the_words_of_git() -> None:
    stderr = (
        "remote: error: GH013: Repository rule violations found for refs/heads/x.        \nremote: \n"
        "remote: - Commits must have verified signatures.\nremote:\nTo https://x/\n ! [remote rejected]"
    )
    assert refusal_lines(stderr) == (
        "error: GH013: Repository rule violations found for refs/heads/x. Commits must have verified signatures."
    )
