"""The events of ``go test -json``. https://pkg.go.dev/cmd/test2json"""

from __future__ import annotations

import json

from dayhand.verify.reports.base import MOST_TESTS, Single, State, single

ENDS = {"pass": State.PASSED, "fail": State.FAILED, "skip": State.SKIPPED}


def read(text: str) -> tuple[Single, ...]:
    """The tests by package and name; a package that fails without a failing test (it does not build) counts as one."""
    found: dict[str, Single] = {}
    said: dict[str, str] = {}
    for row in text.splitlines():
        event = _event(row)
        package, test, action = (str(event.get(key) or "") for key in ("Package", "Test", "Action"))
        if not package or len(found) >= MOST_TESTS:
            continue
        name = f"{package}.{test}" if test else package
        if action == "output" and len(said.get(name, "")) < 4000:
            said[name] = said.get(name, "") + str(event.get("Output") or "")
        elif action in ENDS and (test or (action == "fail" and not _failed_in(found, package))):
            found[name] = single(name, ENDS[action], said.get(name, "") if action == "fail" else "")
    return tuple(found.values())


def _failed_in(found: dict[str, Single], package: str) -> bool:
    return any(one.state is State.FAILED and name.startswith(f"{package}.") for name, one in found.items())


def _event(row: str) -> dict[str, object]:
    if not row.startswith("{"):
        return {}
    try:
        event = json.loads(row)
    except (ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}
