"""What is missing, recognised in the real outputs of many tools."""

from __future__ import annotations

import pytest

from dayhand.verify.cannot_run.base import Kind
from dayhand.verify.cannot_run.causes import MAX_LINE, find_causes, first_cause
from dayhand.verify.cannot_run.recognise import diagnose
from dayhand.verify.cannot_run.table import RECOGNISERS
from tests.verify.cannot_run.outputs import OUTPUTS, RUNS


@pytest.mark.parametrize("name", OUTPUTS)
def test_what_a_tool_says_is_missing_is_named(name: str) -> None:
    """The near misses among them (``runs``) compare values, or have a test that passes."""
    output = OUTPUTS[name]
    found = diagnose(output.result)
    assert (f"{found.kind}: {found.missing}" if found else RUNS) == output.missing


def test_each_wording_of_the_table_is_shown_by_an_output() -> None:
    lines = [line for output in OUTPUTS.values() for line in output.result.run.output.splitlines()]
    unseen = [row.pattern.pattern for row in RECOGNISERS if not any(map(row.pattern.search, lines))]
    assert not unseen


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.NO_TEST_PASSES])
def test_each_kind_is_shown_by_an_output(kind: Kind) -> None:
    assert any(output.missing.startswith(f"{kind}: ") for output in OUTPUTS.values())


@pytest.mark.parametrize(
    "line",
    [
        "E       AssertionError: assert 'connect ECONNREFUSED 127.0.0.1:5432' == 'ok'",
        "-'SQLSTATE[HY000] [2002] Connection refused'",
        '    Received: "connect ECONNREFUSED 127.0.0.1:5432"',
        "    > 1 | if (!process.env.SHOP_API_KEY) throw new Error('SHOP_API_KEY must be set');",
        ">       raise RuntimeError('DATABASE_URL must be set')",
        "KeyError: 'SHOP_API_KEY'",  # of a dictionary
        "Error: connect ECONNREFUSED 127.0.0.1:41235",  # a port that the test's own server was given
        "the connection was refused",
        "12 passed, 3 connection refused warnings",
    ],
)
def test_a_line_that_only_mentions_it_says_nothing(line: str) -> None:
    assert not find_causes(line)


def test_a_server_is_named_where_only_the_code_of_the_test_names_it() -> None:
    cause = first_cause(
        '>       socket.create_connection(("localhost", 5432), timeout=2)\n'
        "E       ConnectionRefusedError: [Errno 111] Connection refused"
    )
    assert cause
    assert cause.missing == "PostgreSQL on localhost:5432"


def test_only_the_beginning_of_a_line_is_read() -> None:
    """The output is hostile: what bounds the time is the length of a line, and the limit of what a run keeps."""
    line = "Error: connect ECONNREFUSED 127.0.0.1:5432"
    assert find_causes(line)
    assert not find_causes("x" * MAX_LINE + line)
