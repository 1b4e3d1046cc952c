"""What workflows, compose files, devcontainers and ``.dayhand.toml`` declare, one line for each form."""

from __future__ import annotations

import pytest

from dayhand.environment import yaml_file
from dayhand.environment.declared.dayhand_toml import read_config
from dayhand.environment.services.base import ServiceDeclaration
from dayhand.environment.services.compose import read_compose
from dayhand.environment.services.containers import published_port, read_container
from dayhand.environment.services.plan import plan_services
from tests.environment.conftest import Texts

# A container in YAML: kind, version, port (0: its own), user, password, database
CONTAINERS = {
    "{image: postgres}": ("postgresql", "", 0, "postgres", "", "postgres"),
    "{image: 'postgres:16-alpine', env: {POSTGRES_USER: app}}": ("postgresql", "16", 0, "app", "", "app"),
    "{image: 'docker.io/library/postgres:15.4@sha256:0f', env: {POSTGRES_DB: d}}": (
        "postgresql",
        "15.4",
        0,
        "postgres",
        "",
        "d",
    ),
    "{image: 'pgvector/pgvector:pg15', environment: [POSTGRES_PASSWORD=x=y]}": (
        "postgresql",
        "15",
        0,
        "postgres",
        "x=y",
        "postgres",
    ),
    "{image: 'bitnamilegacy/postgresql:14', env: {POSTGRESQL_USERNAME: u, POSTGRESQL_DATABASE: d}}": (
        "postgresql",
        "14",
        0,
        "u",
        "",
        "d",
    ),
    "{image: 'timescale/timescaledb:latest-pg14', ports: ['5433:5432']}": (
        "postgresql",
        "14",
        5433,
        "postgres",
        "",
        "postgres",
    ),
    "{image: postgres, env: {POSTGRES_PASSWORD: x, POSTGRES_HOST_AUTH_METHOD: trust}}": (
        "postgresql",
        "",
        0,
        "postgres",
        "",
        "postgres",
    ),
    "{image: postgres, env: {POSTGRES_USER: 'a\" b'}}": ("postgresql", "", 0, "postgres", "", "postgres"),
    "{image: 'mysql:8.0', env: {MYSQL_ROOT_PASSWORD: r, MYSQL_DATABASE: d}}": (
        "mysql",
        "8.0",
        0,
        "root",
        "r",
        "d",
    ),
    "{image: mariadb, env: {MARIADB_USER: u, MARIADB_PASSWORD: p}}": ("mysql", "", 0, "u", "p", ""),
    "{image: redis:7, ports: [127.0.0.1:6380:6379/tcp]}": ("redis", "7", 6380, "", "", ""),
    "{image: redis, command: redis-server --requirepass secret}": ("redis", "", 0, "", "secret", ""),
    "{image: 'valkey/valkey:8', ports: [6379]}": ("redis", "8", 6379, "", "", ""),
    "{image: memcached, ports: [{target: 11211, published: '11212'}]}": ("memcached", "", 11212, "", "", ""),
    "{image: redis, ports: ['80:6379']}": ("redis", "", 0, "", "", ""),
    "{image: redis, ports: ['99999:6379']}": ("redis", "", 0, "", "", ""),
    "redis:7": ("redis", "7", 0, "", "", ""),
    "{image: 'mongo:7', ports: ['27017:27017']}": ("mongo", "7", 27017, "", "", ""),
    "{image: 'ghcr.io/acme/postgres-de'}": ("postgresql", "", 0, "postgres", "", "postgres"),
    "{image: 'ghcr.io/acme/postgres-exporter'}": None,
    "{image: 'ghcr.io/acme/shop:latest'}": None,
    "{build: ., ports: ['5432:5432']}": None,
    "[a, b]": None,
    "": None,
}


@pytest.mark.parametrize("text", CONTAINERS)
def test_a_container_is_understood_by_its_image_and_variables(text):
    value, problem = yaml_file.parse(text)
    assert value is not None, problem

    found = read_container("db", value, source="x")

    assert (
        found and (found.kind, found.version, found.port, found.user, found.password, found.database)
    ) == CONTAINERS[text]


@pytest.mark.parametrize(
    ("ports", "published"),
    [
        ("['5433:5432']", "5433"),
        ("['6379:6379', '127.0.0.1:5434:5432/tcp']", "5434"),
        ("[{target: 5432, published: 5435}]", "5435"),
        ("['5432/tcp']", "5432"),
        ("[]", "5432"),
        ("x", "5432"),
    ],
)
def test_a_containers_port_is_known_by_where_it_is_published(ports, published):
    value, _ = yaml_file.parse(ports)

    assert published_port(value, "5432") == published


@pytest.mark.parametrize("name", ["localhost ", "a b", "-x", "", "a\nb", "x" * 64])
def test_a_name_that_is_not_a_hosts_declares_nothing(name):
    assert read_container(name, "redis", source="x") is None


COMPOSE = "services:\n  db: {image: 'postgres:${PG:-16}', environment: {POSTGRES_PASSWORD: 'a$$b$c', POSTGRES_USER: $USER}}\n  web: {build: .}\n"


def kinds(files):
    return [(each.kind, each.host) for each in read_compose(Texts(files))]


def test_a_compose_files_variables_have_their_defaults():
    (found,) = read_compose(Texts({"compose.yaml": COMPOSE}))

    assert (found.version, found.user, found.password, found.source) == (
        "16",
        "postgres",
        "a$b",
        "compose.yaml",
    )


def test_the_first_compose_file_with_services_counts():
    app = "services: {web: {image: acme/shop}}"
    assert kinds({"compose.yaml": app, "docker-compose.yml": COMPOSE}) == [("postgresql", "db")]
    assert kinds(
        {"docker-compose.yml": COMPOSE, "compose.yaml": "services: {cache: redis, q: {image: redis}}"}
    ) == [("redis", "cache"), ("redis", "q")]
    assert kinds({"compose.yaml": "services: [", "docker-compose.yml": ""}) == []


def test_a_devcontainers_compose_file_counts_with_the_containers_own_ports():
    devcontainer = (
        '{ // the tests\' container\n "dockerComposeFile": ["../a.yml", "b.yml"], /* - */ "service": "app", }'
    )
    files = {
        ".devcontainer/devcontainer.json": devcontainer,
        "a.yml": COMPOSE,
        ".devcontainer/b.yml": "services: {cache: {image: redis, ports: ['6380:6379']}}",
    }

    (found,) = read_compose(Texts(files))

    assert (found.kind, found.port) == ("redis", 6379)
    assert kinds({**files, ".devcontainer/b.yml": "services: {}"}) == [("postgresql", "db")]
    assert (
        kinds({".devcontainer/devcontainer.json": '{"dockerComposeFile": "../a.yml"', "a.yml": COMPOSE}) == []
    )


@pytest.mark.parametrize(
    ("text", "expected", "problem"),
    [
        ('[services]\ndb = "postgres:16"', [("db", "postgresql", 0)], ""),
        (
            '[services.db]\nimage = "postgres"\nport = 5433\nenv = {POSTGRES_USER = "app"}',
            [("db", "postgresql", 5433)],
            "",
        ),
        ("[services]", [], ""),
        ("", None, ""),
        ('[services]\ndb = "acme/shop"', [], "services.db must be the image"),
        ("[services]\ndb = 16", [], "services.db must be the image"),
        ("services = 1", None, "services must be a table"),
    ],
)
def test_dayhand_toml_declares_services(text, expected, problem):
    config = read_config(Texts({".dayhand.toml": text}))

    found = (
        config.services
        if config.services is None
        else [(each.host, each.kind, each.port) for each in config.services]
    )
    assert found == expected
    assert [problem in each for each in config.problems] == ([True] if problem else [])


def test_what_dayhand_toml_declares_counts_alone_then_ci_then_the_other_kinds_of_compose_files():
    files = Texts({"compose.yaml": "services: {db: {image: postgres}, cache: {image: redis}}"})
    ci = (ServiceDeclaration("postgresql", "postgres", 5432, source="ci.yml"),)

    def names(started):
        return [each.declaration.host for each in started]

    assert names(plan_services(files)) == ["db", "cache"]
    assert names(plan_services(files, of_ci=ci)) == ["postgres", "cache"]
    assert names(plan_services(files, decided=(), of_ci=ci)) == []


def test_services_with_the_same_port_have_addresses_of_their_own():
    declared = [ServiceDeclaration("postgresql", host) for host in ("db", "db-test", "db")] + [
        ServiceDeclaration("redis", "cache", 6380)
    ]

    started = plan_services(Texts({}), decided=tuple(declared))

    assert [(each.declaration.host, each.address, each.port) for each in started] == [
        ("db", "127.0.0.1", 5432),
        ("db-test", "127.0.0.3", 5432),
        ("cache", "127.0.0.1", 6380),
    ]
    assert len({each.name for each in started}) == 3
