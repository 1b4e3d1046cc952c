"""The cause of a failure in an installer's output."""

from __future__ import annotations

import pytest

from dayhand.environment.ecosystems.base import Step
from dayhand.environment.setup.steps import Installer, reason
from dayhand.sandbox.base import CommandLimits

UV = """Using Python 3.11
  × No solution found when resolving dependencies:
  ╰─▶ Because a-b was not found in the package registry and you
      require a-b, we can conclude that your requirements are
      unsatisfiable.
"""
UV_SAYS = (
    "Because a-b was not found in the package registry and you require a-b, "
    "we can conclude that your requirements are unsatisfiable."
)
NEW_UV = """Using Python 3.11.2 environment at: v
error: No solution found when resolving dependencies
  cause: Because there is no version of ruff==999 and you require ruff==999, we can conclude the rest.
"""
NPM = """npm error code E404
npm error 404 Not Found - GET https://r.invalid/x - Not found
npm error 404  'x@^1' is not in this registry.
npm error A complete log is in /x
"""
COMPOSER = """Loading composer repositories with package information

In CurlDownloader.php line 1:

  curl error 56 while downloading https://r.invalid/packages.json: the
   tunnel was refused

install [--prefer-source] [--no-dev] [--] [<packages>...]
"""
COMPOSER_SAYS = "curl error 56 while downloading https://r.invalid/packages.json: the tunnel was refused"


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (UV, UV_SAYS),
        (
            NEW_UV,
            "Because there is no version of ruff==999 and you require ruff==999, we can conclude the rest.",
        ),
        (NPM, "'x@^1' is not in this registry."),
        (COMPOSER, COMPOSER_SAYS),
        ("sh: 1: eslint: not found\n", "sh: 1: eslint: not found"),
        ("first\nlast words\n\n", "last words"),
        ("", ""),
    ],
)
def test_the_telling_line_is_found(output, said):
    assert reason(output) == said


def test_a_fall_back_that_passed_says_what_failed_before_it(sandbox, log):
    with sandbox.open() as box:
        set_up = Installer(box, {}, {}, log=log)
        done = set_up.take(Step("x", ("echo 'error: the lock is broken' >&2; exit 3", "exit 4", "true")))
        assert (done.passed, done.command) == (True, "true")
        assert done.instead == "echo 'error: the lock is broken' >&2; exit 3: error: the lock is broken"
        assert set_up.take(Step("x", ("true", "false"))).instead == ""
        assert set_up.take(Step("x", ("false", "false"))).instead == ""


def test_a_command_that_hangs_is_ended_and_its_fall_backs_are_not_waited_for(sandbox, log):
    with sandbox.open() as box:
        set_up = Installer(box, {}, {}, log=log, limits=CommandLimits(seconds=1))
        done = set_up.take(Step("x", ("echo 'warning: not found'; sleep 600", "sleep 599")))
    assert not done.passed
    assert log.of("command") == ["echo 'warning: not found'; sleep 600"]
    assert reason(done.output) == "error: timed out after 1 s"


@pytest.mark.parametrize(
    ("output", "host"),
    [
        (
            "  hint: An index URL (https://pypi.corp.example/simple) could not be queried (401 Unauthorized).",
            "pypi.corp.example",
        ),
        ("error: Failed to fetch: `https://me:x@pypi.corp.example/simple/a/`\n  Caused by: HTTP status client error (403 Forbidden)", "pypi.corp.example"),
        ("ERROR: HTTP error 401 while getting https://pypi.corp.example/a.whl", "pypi.corp.example"),
        ("npm error code E401\nnpm error 401 Unauthorized - GET https://npm.corp.example/@shop%2fa", "npm.corp.example"),
        ("Authentication is required for https://gems.corp.example.\nPlease supply credentials", "gems.corp.example"),
        ("go: example.com/a@v1: reading https://go.corp.example/a/@v/v1.mod: 401 Unauthorized", "go.corp.example"),
        ("Could not transfer artifact a:b from m (https://m2.corp.example/): status code: 401, reason phrase: Unauthorized (401)", "m2.corp.example"),
        ("https://repo.corp.example/packages.json: invalid credentials", "repo.corp.example"),
    ],
)  # fmt: skip
def test_a_registry_that_wants_a_token_is_named_with_the_operators_mirror_as_the_way(output, host):
    assert reason(output).startswith(f"{host} wants a token, and no box gets one. Name a mirror")
    assert "DAYHAND_REGISTRIES" in reason(output)


@pytest.mark.parametrize(
    "output",
    [
        "error: client error (Connect): tunnel error: unsuccessful\nHTTP 403 https://files.example.org/a",
        "npm error 403 Forbidden by the proxy - GET https://files.example.org/a",
        "npm error 404 Not Found - GET https://registry.example.org/a",
        "warning: took 401 ms",
    ],
)
def test_a_host_that_set_up_may_not_reach_wants_no_token(output):
    assert "wants a token" not in reason(output)
