"""What an installer's output says went wrong."""

from __future__ import annotations

import pytest

from dayhand.environment.set_up import reason

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


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (UV, UV_SAYS),
        (
            NEW_UV,
            "Because there is no version of ruff==999 and you require ruff==999, we can conclude the rest.",
        ),
        (NPM, "'x@^1' is not in this registry."),
        ("sh: 1: eslint: not found\n", "sh: 1: eslint: not found"),
        ("first\nlast words\n\n", "last words"),
        ("", ""),
    ],
)
def test_the_telling_line_is_found(output, said):
    assert reason(output) == said
