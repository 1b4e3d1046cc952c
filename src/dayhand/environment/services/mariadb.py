"""MariaDB, which also takes MySQL's place: Debian has no MySQL server. They differ; the environment page lists how."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace

from dayhand.environment.services.base import Names, ServiceDeclaration, Started

KIND = "mysql"
NAME = "MySQL or MariaDB"
IMAGES: Names = ("mysql", "mariadb", "percona", "mysql-server", "percona-server")
PORT = 3306
PACKAGES: Names = ("mariadb-server",)
SLOW = False
# No data outlives a command, so nothing has to be safe from a crash.
FAST = (
    "--performance-schema=0 --innodb-use-native-aio=0 --innodb-buffer-pool-size=32M --innodb-log-file-size=4M "
    "--innodb-flush-log-at-trx-commit=0 --innodb-doublewrite=0 --skip-name-resolve"
)


def with_defaults(declared: ServiceDeclaration) -> ServiceDeclaration:
    """https://hub.docker.com/_/mysql, https://hub.docker.com/_/mariadb: without a user, root's password counts."""
    user = declared.user or _variable(declared, "USER") or "root"
    password = declared.password or _variable(declared, "ROOT_PASSWORD" if user == "root" else "PASSWORD")
    return replace(
        declared, user=user, password=password, database=declared.database or _variable(declared, "DATABASE")
    )


def find(_: ServiceDeclaration) -> str:
    return "command -v mariadbd && command -v mariadb-install-db"


def template(started: Started) -> str:
    install = (
        'mariadb-install-db --no-defaults --auth-root-authentication-method=normal --skip-test-db --datadir="$data" '
        "--innodb-log-file-size=4M --innodb-buffer-pool-size=32M"
    )
    statements = "\n".join(_statements(started.declaration))
    return f'{install} && printf "%s\\n" {shlex.quote(statements)} > "$data/dayhand.sql"'


def start(started: Started) -> str:
    init = '--init-file="$data/dayhand.sql"'
    return (
        f'mariadbd --no-defaults --datadir="$data" --socket="/tmp/mysql-{started.port}.sock" --pid-file="$data/pid" '
        f"--bind-address={started.address} --port={started.port} {init} {FAST}"
    )


def ready(_: Started) -> str:
    """Its last line, after it has run the init file."""
    return 'grep -q "ready for connections" "$log"'


def _variable(declared: ServiceDeclaration, name: str) -> str:
    return declared.env.get(f"MYSQL_{name}") or declared.env.get(f"MARIADB_{name}") or ""


def _statements(declared: ServiceDeclaration) -> Iterator[str]:
    """One a line, as the init file demands. They are run at each start, since only a running server knows its users."""
    root_password = _variable(declared, "ROOT_PASSWORD") or (
        declared.password if declared.user == "root" else ""
    )
    if declared.database:
        yield f"CREATE DATABASE IF NOT EXISTS `{declared.database}`;"
    # What mariadb-install-db makes: root without a password from each address, and a user without a name.
    yield "DELETE FROM mysql.global_priv WHERE User = '' OR User = 'root' AND Host NOT IN ('%', 'localhost');"
    yield "FLUSH PRIVILEGES;"
    for host in ("%", "localhost"):
        if declared.user != "root":
            yield f"CREATE USER IF NOT EXISTS '{declared.user}'@'{host}' IDENTIFIED BY {_text(declared.password)};"
            # In the image, a user may use its own database alone; tests often make others, as in CI's root sessions.
            yield f"GRANT ALL ON *.* TO '{declared.user}'@'{host}';"
        yield f"CREATE USER IF NOT EXISTS 'root'@'{host}' IDENTIFIED BY {_text(root_password)};"
        yield f"ALTER USER 'root'@'{host}' IDENTIFIED BY {_text(root_password)};"
        yield f"GRANT ALL ON *.* TO 'root'@'{host}' WITH GRANT OPTION;"


def _text(value: str) -> str:
    """A string of SQL, in which a backslash escapes."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
