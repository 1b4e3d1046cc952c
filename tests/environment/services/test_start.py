"""Real services in real boxes: on the declared address, with fresh data for each command, and gone with it."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import pytest

from dayhand.agent.briefing import brief
from dayhand.environment.prepare import prepare
from dayhand.instructions.read import Instructions
from dayhand.sandbox.docker.backend import DockerSandbox
from tests.environment.conftest import Notes
from tests.sandbox.image import require_image

HAVE = {
    "PostgreSQL": any(Path("/usr/lib/postgresql").glob("*/bin/postgres")),
    "MariaDB": shutil.which("mariadbd", path="/usr/sbin"),
    "Memcached": shutil.which("memcached"),
    "RabbitMQ": Path("/usr/lib/rabbitmq/bin/rabbitmq-server").exists(),
    "NATS": shutil.which("nats-server", path="/usr/bin:/usr/sbin"),
}
TALK = """python3 -c '
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=60) as server:
    server.sendall(sys.argv[3].encode().decode("unicode_escape").encode())
    print(server.recv(4096).decode())
' """
POSTGRES = "  db: {image: 'postgres:99', environment: {POSTGRES_USER: app, POSTGRES_PASSWORD: \"it's\", POSTGRES_DB: shop}}\n"
MYSQL = (
    "  mysql: {image: 'mysql:8', environment: {MYSQL_USER: app, MYSQL_PASSWORD: \"it's\", MYSQL_DATABASE: shop, "
    "MYSQL_ROOT_PASSWORD: 'r\\t'}, ports: ['3307:3306']}\n"
)
REDIS = "  cache: {image: redis, command: redis-server --requirepass secret}\n"


def needs(name: str):
    return pytest.mark.skipif(not HAVE[name], reason=f"{name} is not installed on this machine")


def psql(statement: str, *, host: str = "db", password: str = "it\\'s") -> str:
    return f'PGPASSWORD={password} psql -h {host} -U app shop -Atc "{statement}"'


def mariadb(statement: str, *, user: str = "app", password: str = "it\\'s") -> str:
    return f'mariadb --no-defaults -h mysql -P 3307 -u{user} -p{password} -Ne "{statement}"'


@needs("PostgreSQL")
def test_postgresql_has_the_declared_user_password_and_database_and_fresh_data_each_time(sandbox, serve):
    with serve(sandbox, POSTGRES) as services:
        made = psql("create table t (n int); insert into t values (1); select current_user, n from t")

        assert services.run(made) == "CREATE TABLE\nINSERT 0 1\napp|1\n"
        assert services.run(made) == "CREATE TABLE\nINSERT 0 1\napp|1\n", "the table is gone"
        assert services.run(psql("select 1", host="localhost")) == "1\n"
        assert "password authentication failed" in services.run(psql("select 1", password="wrong"))
        refused = services.box.run(psql("select 1")).text()
        assert "Connection refused" in refused, "it ended with its command"


@needs("PostgreSQL")
def test_two_databases_with_one_port_have_a_host_each(sandbox, serve):
    other = "  db-test: {image: postgres, environment: {POSTGRES_USER: app, POSTGRES_DB: shop}}\n"
    with serve(sandbox, POSTGRES + other) as services:
        both = f"{psql('create table a ()')} && {psql('create table b ()', host='db-test')} && {psql('select * from b')}"

        assert 'relation "b" does not exist' in services.run(both)


@needs("MariaDB")
def test_mariadb_has_the_declared_users_and_database(sandbox, serve):
    with serve(sandbox, MYSQL) as services:
        assert services.run(mariadb("select current_user(), database()")) == "app@%\tNULL\n"
        assert services.run(mariadb("use shop; create table t (n int); show tables")) == "t\n"
        assert services.run(mariadb("use shop; show tables")) == ""
        assert services.run(mariadb("select 1", user="root", password="'r\\t'")) == "1\n"
        assert "Access denied" in services.run(mariadb("select 1", user="root", password="wrong"))
        assert "Access denied" in services.run(
            "mariadb --no-defaults -h 127.0.0.1 -P 3307 -uroot -e 'select 1'"
        )


@needs("Memcached")
def test_memcached_answers(sandbox, serve):
    with serve(sandbox, "  mc: memcached\n") as services:
        assert services.run(f"{TALK} mc 11211 'set a 0 0 1\\r\\nx\\r\\n'").split() == ["STORED"]


@needs("NATS")
def test_nats_answers(sandbox, serve):
    with serve(sandbox, "  bus: nats\n") as services:
        assert services.run(f"{TALK} bus 4222 ''").startswith("INFO {")


LOG_IN = """python3 -c '
import socket, struct, sys
with socket.create_connection((sys.argv[1], 5672), timeout=60) as server:  # AMQP 0-9-1: Start, Start-Ok, Tune
    server.sendall(b"AMQP\\0\\0\\x09\\x01")
    server.recv(9999)
    answer = b"\\0" + sys.argv[2].encode() + b"\\0" + sys.argv[3].encode()
    reply = struct.pack(">HHI", 10, 11, 0) + b"\\x05PLAIN" + struct.pack(">I", len(answer)) + answer + b"\\x05en_US"
    server.sendall(struct.pack(">BHI", 1, 0, len(reply)) + reply + b"\\xce")
    assert server.recv(9999)[7:11] == bytes([0, 10, 0, 30])
    print("in")
' """
RABBITMQ = "  mq: {image: 'rabbitmq:3', environment: {RABBITMQ_DEFAULT_USER: app, RABBITMQ_DEFAULT_PASS: \"it's\"}}\n"


@needs("RabbitMQ")
def test_a_slow_service_runs_beside_checks_and_not_beside_each_command_of_the_model(sandbox, serve):
    """It takes many seconds, which is the point."""
    with serve(sandbox, f"{RABBITMQ}{REDIS}") as services:
        both = f'{LOG_IN} mq app "it\'s"; {LOG_IN} mq app wrong 2>/dev/null || echo refused'
        assert services.run(both).split() == ["in", "refused"]
        environment = services.environment
        (slow,) = environment.slow_services
        assert slow.declaration.kind == "rabbitmq"
        words = [
            *environment.quick_launcher,
            "/bin/sh",
            "-c",
            f"{TALK} cache 6379 'PING\\r\\n'; {TALK} mq 5672 ''",
        ]
        output = services.box.run(words, env=environment.env).text()
        assert "NOAUTH" in output
        assert "Connection refused" in output
        briefing = brief(environment, Instructions())
        assert (
            "These services run, with empty data, while each of your commands runs: redis on cache:6379."
            in briefing
        )
        assert "only the checks have them: rabbitmq on mq:5672" in briefing


@pytest.fixture(params=["bubblewrap", "docker"])
def either(request, sandbox, tmp_path):
    if request.param == "bubblewrap":
        return sandbox
    client, image = require_image()
    client.close()
    return DockerSandbox(tmp_path, image=image)


def test_redis_is_there_in_both_backends_also_where_the_machine_has_none(either, serve):
    with serve(either, REDIS) as services:
        talk = f"{TALK} cache 6379 'AUTH secret\\r\\nINCR n\\r\\n'"
        twice = f"{talk}; {talk}"

        assert services.run(twice).split() == ["+OK", ":1", "+OK", ":2"]
        assert services.run(talk).split() == ["+OK", ":1"], "its data is fresh"
        assert "NOAUTH" in services.run(f"{TALK} localhost 6379 'INCR n\\r\\n'")
        assert "refused" in services.box.run(talk).text(), "it ended with its command"


def test_the_services_are_not_the_commands_children(sandbox, serve):
    with serve(sandbox, REDIS) as services:
        children = "import os; print(open(f'/proc/{os.getpid()}/task/{os.getpid()}/children').read())"

        assert services.run(f'exec python3 -c "{children}"').strip() == ""


def test_a_service_that_cannot_be_started_is_named_with_what_to_install(sandbox, serve):
    with serve(sandbox, f"  events: {{image: 'mongo:7', ports: ['27017:27017']}}\n{REDIS}") as services:
        (missing,) = services.environment.missing_services

        assert missing.tool == "MongoDB on events:27017 (compose.yaml)"
        assert "Dayhand cannot start it" in missing.why
        assert services.notes.of("result") == [
            f"Missing: {missing.tool}. {missing.why}",
            "Services for the checks: Redis on cache:6379 (compose.yaml).",
        ]
        assert services.run("echo on") == "on\n"


def test_an_engine_without_postgresql_says_what_to_install(tmp_path, serve):
    client, image = require_image()
    with contextlib.closing(client), serve(DockerSandbox(tmp_path, image=image), POSTGRES) as services:
        (missing,) = services.environment.missing_services

    assert missing.why == (
        "It is not installed here: install postgresql (Debian's name) on the worker's machine, or in the sandbox image."
    )


@needs("PostgreSQL")
def test_what_set_up_puts_into_a_database_is_there_for_each_check(sandbox, project):
    made, notes = psql("create table t (n int)", password="x"), Notes()
    shop = project(
        {
            ".dayhand.toml": f"[setup]\nrun = ['''{made}''', '''{made.replace('create', 'alter').replace('(n int)', 'add m int')}''']\n"
            f"[checks]\ntest = '''{psql('select * from t', password='x')}'''\n"
            "[services.db]\nimage = 'postgres'\nenv = {POSTGRES_USER = 'app', POSTGRES_PASSWORD = 'x', POSTGRES_DB = 'shop'}\n"
        }
    )
    environment = prepare(shop.files, sandbox, shop.fill, log=notes, source=shop.source)
    assert [step.passed for step in environment.steps] == [True, True], notes.text()
    for _ in range(2):
        with sandbox.open(origin=environment.snapshot, hosts=environment.hosts) as box:
            command = [*environment.launcher, "/bin/sh", "-c", environment.checks[0].command]
            result = box.run(command, env=environment.env)
            assert result.passed, result.text()
