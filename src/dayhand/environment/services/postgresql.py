"""PostgreSQL, in the newest version that is installed, or in the declared one if that is."""

from __future__ import annotations

import shlex
from dataclasses import replace

from dayhand.environment.services.base import FIRST_ADDRESS, Names, ServiceDeclaration, Started

KIND = "postgresql"
NAME = "PostgreSQL"
IMAGES: Names = ("postgres", "postgresql", "postgis", "pgvector", "timescaledb")
PORT = 5432
PACKAGES: Names = ("postgresql",)
SLOW = False
FOLDERS = "/usr/lib/postgresql/*/bin /usr/pgsql-*/bin"  # Debian's and Red Hat's, not in PATH
# No data outlives a command, so nothing has to be safe from a crash.
FAST = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c shared_buffers=32MB"


def with_defaults(declared: ServiceDeclaration) -> ServiceDeclaration:
    """https://hub.docker.com/_/postgres: the user is the superuser, and its name is that of the database."""
    user = declared.user or declared.env.get("POSTGRES_USER") or "postgres"
    password = declared.password or declared.env.get("POSTGRES_PASSWORD", "")
    if declared.env.get("POSTGRES_HOST_AUTH_METHOD") == "trust":
        password = ""
    database = declared.database or declared.env.get("POSTGRES_DB") or user
    return replace(declared, user=user, password=password, database=database)


def find(declared: ServiceDeclaration) -> str:
    """The newest installed version's folder goes to the front of PATH; the declared version's, if there is one."""
    major = declared.version.partition(".")[0]
    wanted = f"/usr/lib/postgresql/{major}/bin /usr/pgsql-{major}/bin" if major.isdecimal() else ""
    return (
        f"for bin in $(ls -d {FOLDERS} 2>/dev/null | sort -V) {wanted}; do "
        'if [ -x "$bin/postgres" ]; then PATH="$bin:$PATH"; fi; done; '
        "command -v initdb && command -v postgres && command -v pg_isready"
    )


def template(started: Started) -> str:
    declared = started.declaration
    auth = "-A trust"
    before = ""
    if declared.password:
        before = f'printf "%s\\n" {shlex.quote(declared.password)} > "$data.password" && '
        auth = '--auth-local=trust --auth-host=scram-sha-256 --pwfile="$data.password"'
    sql = f'CREATE DATABASE "{declared.database}";'
    create = f'printf "%s\\n" {shlex.quote(sql)} | postgres --single -D "$data" postgres'
    return (
        f'{before}initdb -D "$data" -U {shlex.quote(declared.user)} {auth} -E UTF8 --locale=C.UTF-8 --no-sync --wal-segsize=1'
        + (f" && {create}" if declared.database != "postgres" else "")
    )


def start(started: Started) -> str:
    first = started.address == FIRST_ADDRESS
    addresses, folder = (f"{FIRST_ADDRESS},::1", "/tmp") if first else (started.address, '"$data"')  # noqa: S108
    return f'postgres -D "$data" -p {started.port} -c listen_addresses={addresses} -c unix_socket_directories={folder} {FAST}'


def ready(started: Started) -> str:
    return f"pg_isready -q -h {started.address} -p {started.port}"
