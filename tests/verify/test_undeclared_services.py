"""Services that nothing declares: the tests' output names them, and the tests run again beside them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dayhand.environment.base import Environment
from dayhand.environment.ecosystems.base import Check
from dayhand.environment.services.base import ServiceDeclaration
from dayhand.sandbox.base import Box
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox
from dayhand.verify.runner import Runner
from dayhand.verify.undeclared_services import find_undeclared
from tests.environment.conftest import Notes

ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"}
REFUSED = {
    'connection to server at "127.0.0.1", port 5432 failed: Connection refused': (
        "postgresql",
        "localhost",
        5432,
    ),
    'psycopg2.OperationalError: could not translate host name "db" to address: Name or service not known': (
        "postgresql",
        "db",
        5432,
    ),
    "Error: connect ECONNREFUSED 127.0.0.1:6379": ("redis", "localhost", 6379),
    "redis.exceptions.ConnectionError: Error 111 connecting to localhost:6379. Connection refused.": (
        "redis",
        "localhost",
        6379,
    ),
    "pymysql.err.OperationalError: (2003, \"Can't connect to MySQL server on '127.0.0.1' ([Errno 111] Connection refused)\")": (
        "mysql",
        "localhost",
        3306,
    ),
    "Error: connect ECONNREFUSED 127.0.0.1:27017": None,
    "Error: connect ECONNREFUSED 127.0.0.1:49152": None,
    "assert 1 == 2": None,
}


@pytest.mark.parametrize("output", REFUSED)
def test_a_refused_connection_names_the_service(output):
    found = find_undeclared(output, ())

    assert [(each.kind, each.host, each.port) for each in found] == (
        [REFUSED[output]] if REFUSED[output] else []
    )


POSTGRES = ServiceDeclaration("postgresql", "localhost", 5432, user="postgres", database="postgres")


@pytest.mark.parametrize(
    ("output", "user", "database"),
    [
        ('FATAL:  role "app" does not exist', "app", "app"),
        ('FATAL:  database "shop_test" does not exist', "postgres", "shop_test"),
        ('relation "users" does not exist', "postgres", "postgres"),
    ],
)
def test_a_user_or_database_that_the_server_does_not_know_is_made(output, user, database):
    (found,) = find_undeclared(output, (POSTGRES,))

    assert (found.user, found.database) == (user, database)


@pytest.fixture
def runner() -> Iterator[Runner]:
    with tempfile.TemporaryDirectory(prefix="dayhand-undeclared-") as folder:
        Path(folder).chmod(0o755)
        environment = Environment("e", None, ENV, (), {}, (), (), cached=False, seconds=0)
        yield Runner(environment, BubblewrapSandbox(Path(folder)), Notes())


def fill(_box: Box) -> None:
    """The command is all there is."""


@pytest.mark.skipif(
    not any(Path("/usr/lib/postgresql").glob("*/bin/postgres")),
    reason="PostgreSQL is not installed on this machine",
)
def test_tests_run_again_with_the_service_user_and_database_that_they_want(runner: Runner):
    query = Check(
        "test", "psql postgresql://app:x@localhost:5432/shop_test -Atc 'select 40 + 2'", "true", "psql", "x"
    )

    assert runner.run(query, fill).run.output == "42\n"
    assert isinstance(runner.log, Notes)
    assert "The tests need postgresql on localhost:5432, which is not declared" in "".join(
        runner.log.of("say")
    )
    commands = len(runner.log.of("command"))
    assert runner.run(query, fill).run.output == "42\n"
    assert len(runner.log.of("command")) == commands + 1, "it is known from the first time"


def test_what_cannot_be_started_is_tried_once(runner: Runner):
    check = Check("test", "echo 'connect ECONNREFUSED 127.0.0.1:27017'; exit 1", "true", "sh", "x")

    assert not runner.run(check, fill).run.passed
    assert isinstance(runner.log, Notes)
    assert len(runner.log.of("command")) == 1
