"""The causes that the output of a run shows, by the table of wordings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dayhand.verify.cannot_run.base import Cause, Kind
from dayhand.verify.cannot_run.services import find_address, server_name
from dayhand.verify.cannot_run.table import ASSERTED, COMPARES, RECOGNISERS, Recogniser

MAX_LINE = 600  # characters of a line that are read
ERROR_LINE = re.compile(r"^(?:E +|# +)?((?:[\w.]+(?:Error|Exception)|error|Error)\b: .*)$", re.MULTILINE)
CONNECTIONS = (Kind.SERVICE, Kind.NETWORK)
UNNAMED = frozenset(Cause(kind, "a server") for kind in CONNECTIONS)  # where nothing names the address
OPTION_PLUGINS = {
    "--cov": "pytest-cov",
    "--asyncio-mode": "pytest-asyncio",
    "--timeout": "pytest-timeout",
    "-n": "pytest-xdist",
    "--ds": "pytest-django",
    "--benchmark": "pytest-benchmark",
    "--mypy": "pytest-mypy",
}
GENERATED_MODULE = re.compile(r"(?:_pb2(?:_grpc)?|_version|_generated)$")  # by protoc, setuptools-scm …
# Modules whose package has another name.
MODULE_PACKAGES = {"MySQLdb": "mysqlclient", "yaml": "PyYAML", "PIL": "Pillow", "cv2": "opencv-python"}


def asserted(text: str) -> bool:
    """Whether a test compared values and failed: then it ran."""
    return bool(ASSERTED.search(text))


def find_causes(text: str) -> frozenset[Cause]:
    """Everything that a text says is missing; a server without an address only where none has one."""
    found = frozenset(_causes(text))
    unnamed = found & UNNAMED
    if not unnamed:
        return found
    if not any(cause.kind in CONNECTIONS for cause in found - UNNAMED):
        host, port = find_address(text)
        if not host:
            return found
        return (found - UNNAMED) | {Cause(Kind.SERVICE, server_name(host, port))}
    return found - UNNAMED


def first_cause(text: str) -> Cause | None:
    """What a single failing test lacks; None if its failure has another reason."""
    if asserted(text):
        return None
    causes = find_causes(text)
    return min(causes, key=lambda cause: cause.rank, default=None)


def last_error(text: str) -> str:
    """The last line that names an error; "" if none does."""
    lines = [found[1] for found in ERROR_LINE.finditer(text)]
    return lines[-1].rstrip(".: ")[:200] if lines else ""


def _causes(text: str) -> Iterator[Cause]:
    for line in text.splitlines():
        shown = line[:MAX_LINE]
        if COMPARES.search(shown):
            continue
        if found := next(filter(None, (_cause(row, shown, text) for row in RECOGNISERS)), None):
            yield found


def _cause(row: Recogniser, line: str, text: str) -> Cause | None:
    found = row.pattern.search(line)
    if found is None or (row.context and not row.context.search(text)):
        return None
    groups = found.groupdict("")
    if row.kind is Kind.SERVICE:
        return _server(groups.get("host", ""), groups.get("port") or row.port)
    name = groups.get("name") or groups.get("gem") or ""
    if option := groups.get("option"):
        name = next((plugin for start, plugin in OPTION_PLUGINS.items() if option.startswith(start)), "")
    if row.kind is Kind.PACKAGE and row.tool == "pip" and GENERATED_MODULE.search(name):
        return Cause(Kind.FILE, f"{name.replace('.', '/')}.py")
    if row.kind is Kind.PACKAGE:
        return Cause(row.kind, _package(name, row.tool), row.tool) if name else None
    if row.kind is Kind.NETWORK:
        return Cause(row.kind, name or "a server")
    if row.kind is Kind.LFS:
        return Cause(row.kind, "A file")
    return Cause(row.kind, name.rstrip("."))


def _server(host: str, port: str) -> Cause | None:
    if not host and not port:
        return Cause(Kind.SERVICE, "a server")
    name = server_name(host or "localhost", port)
    return Cause(Kind.SERVICE, name) if name else None


def _package(name: str, tool: str) -> str:
    """The package of a module, as its client calls it."""
    if tool == "pip":
        top = name.partition(".")[0]
        return "pytest-asyncio" if top == "async" else MODULE_PACKAGES.get(top, name)
    if tool == "npm":
        parts = re.sub("%2[fF]", "/", name).split("/")
        return "/".join(parts[: 2 if parts[0].startswith("@") else 1])
    return name
