"""Start services in a box: their templates are made once, during set-up; a script starts them before each command.

The script is in ``/opt/env``, so every box that is opened from the environment has it; one without the slow services is
there for the model's commands. It unpacks each template below
/tmp, starts the services, waits until all of them accept connections, and becomes the command. What it started are not
the command's children: test suites look at those.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence

from dayhand.environment.base import Log, Missing
from dayhand.environment.services import redis
from dayhand.environment.services.all_services import OTHERS, find_service
from dayhand.environment.services.base import FOLDER, QUICK_SCRIPT, SCRIPT, Service, Started
from dayhand.ledger.redis_server import find_program
from dayhand.sandbox.base import Box, CommandLimits

KEEPER = f"{SCRIPT}-and-keep"
DATA = "/tmp/services"  # noqa: S108 - in the box
TEMPLATE = CommandLimits(seconds=300.0)
MAX_REASON = 500  # characters of a reason
READY_SECONDS = 60  # on a busy machine; an idle one needs a tenth of a second
PAUSE_SECONDS = 0.02

HEAD = f"""#!/bin/sh
# Written by Dayhand: starts the services of this repository's tests, and then the command.
rm -rf {DATA}; mkdir -m 700 {DATA}
"""
START = """
start() { {find}; exec {start}; }
mkdir -m 700 "$data"; {unpack}
( start </dev/null >"$log" 2>&1 & echo $! >"$data.pid" )
"""
AWAIT = """
ready() { {find}; {ready}; }
tries={tries}
until (ready) >/dev/null 2>&1; do
  tries=$((tries - 1))
  if [ $tries = 0 ] || ! kill -0 "$(cat "$data.pid")" 2>/dev/null; then
    echo "{name} did not start: $(tail -n 3 "$log")" >&2; {failed}; break
  fi
  sleep {pause}
done
"""
# A server that does not stop has not written all of its data: then the template stays as it is.
END = f"""
kill -TERM "$(cat "$data.pid")" 2>/dev/null
tries={{tries}}
while kill -0 "$(cat "$data.pid")" 2>/dev/null && [ $tries != 0 ]; do tries=$((tries - 1)); sleep {{pause}}; done
[ $tries = 0 ] || ( tar cf {FOLDER}/part.tar -C "$data" . && mv {FOLDER}/part.tar {FOLDER}/{{file}}.tar )
"""


def set_up(
    box: Box,
    services: Sequence[Started],
    *,
    env: Mapping[str, str],
    log: Log,
    made: frozenset[str] = frozenset(),
) -> dict[str, Missing]:
    """Make the templates and the script in a set-up box, and try them; return which services are missing, by their name.

    ``made`` are the names of those whose templates are there: set-up commands may have put data into them.
    """
    missing = {}
    for started in services:
        if started.name not in made and (problem := _make_template(box, started, env)):
            missing[started.name] = Missing(_title(started), problem)
    for started in (each for each in services if each.name not in missing):
        _write(box, SCRIPT, start_script([started], failed="exit 1"))
        tried = box.run(["/bin/sh", SCRIPT, "true"], env=env, limits=TEMPLATE)
        if not tried.passed:
            missing[started.name] = Missing(_title(started), tried.text().strip()[:MAX_REASON])
    ready = [each for each in services if each.name not in missing]
    _write(box, SCRIPT, start_script(ready))
    _write(box, QUICK_SCRIPT, start_script(quick(ready)))
    for each in missing.values():
        log.line("result", f"Missing: {each.tool}. {each.why}")
    if ready:
        log.line("result", f"Services for the checks: {', '.join(map(_title, ready))}.")
    return missing


def set_up_first(box: Box, services: Sequence[Started], *, env: Mapping[str, str]) -> frozenset[str]:
    """Make the services that are there before anything is installed, for set-up commands; return their names.

    ``KEEPER`` then starts them before such a command, and keeps their data as the new templates.
    """
    if not services:
        return frozenset()
    missing = set_up(box, services, env=env, log=_NoLog())
    ready = quick(each for each in services if each.name not in missing)
    kept = [each for each in ready if _service(each).template(each)]
    ends = (_fill(END, each, failed=":", has_templates=True) for each in kept)
    parts = (_paths(each) + end for each, end in zip(kept, ends, strict=True))
    _write(
        box,
        KEEPER,
        start_script(ready).replace('\nexec "$@"\n', f'\n"$@"; code=$?\n{"".join(parts)}\nexit $code\n'),
    )
    return frozenset(each.name for each in ready)


def quick(services: Iterable[Started]) -> tuple[Started, ...]:
    """Those that start within a moment, so that each command can have them."""
    return tuple(each for each in services if not _service(each).SLOW)


class _NoLog:
    """What is missing before anything is installed is not said: it may be installed."""

    def line(self, _kind: str, _text: str) -> int:
        return 0


def start_script(services: Sequence[Started], *, failed: str = ":", has_templates: bool = True) -> str:
    """The script that starts these services and becomes its arguments; ``failed`` is run if one does not start.

    Without templates, it makes the services' data itself, beside what another such script has started.
    """
    data = DATA if has_templates else f"{DATA}-undeclared"
    parts = [HEAD]
    for template in (START, AWAIT):  # all of them start before the first is waited for
        for started in services:
            parts += [_paths(started), _fill(template, started, failed=failed, has_templates=has_templates)]
    return "".join((*parts, '\nexec "$@"\n')).replace(DATA, data)


def find_command(started: Started) -> str:
    """A shell command that passes where the service's programs are."""
    return f"{{ {_service(started).find(started.declaration)}; }} >/dev/null 2>&1"


def _fill(template: str, started: Started, *, failed: str, has_templates: bool) -> str:
    service = _service(started)
    make = service.template(started)
    unpack = f'tar xf {FOLDER}/{started.name}.tar -C "$data"' if make else ":"
    if make and not has_templates:
        unpack = f"( {find_command(started)}; {make} ) >/dev/null 2>&1"
    texts = {
        "find": find_command(started),
        "start": service.start(started),
        "ready": service.ready(started),
        "unpack": unpack,
        "name": service.NAME,
        "file": started.name,
        "tries": str(int(READY_SECONDS / PAUSE_SECONDS)),
        "pause": str(PAUSE_SECONDS),
        "failed": failed,
    }
    for name, text in texts.items():
        template = template.replace(f"{{{name}}}", text)
    return template


def _make_template(box: Box, started: Started, env: Mapping[str, str]) -> str:
    """Make the service's template; why that is not possible, or ""."""
    service = find_service(started.declaration.kind)
    if service is None:
        return "Dayhand cannot start it, so tests that need it cannot run here."
    find = find_command(started)
    if not box.run(find, env=env, limits=TEMPLATE).passed and not (
        service.KIND == redis.KIND and _bring_valkey(box, find)
    ):
        return (
            f"It is not installed here: install {' '.join(service.PACKAGES)} (Debian's name) on the worker's machine, "
            "or in the sandbox image."
        )
    commands = service.template(started)
    if not commands:
        return ""
    made = box.run(
        f'{_paths(started)}\nrm -rf {DATA}; mkdir -m 700 {DATA} && mkdir -m 700 "$data" && {find} && {commands} '
        f'&& mkdir -p {FOLDER} && tar cf {FOLDER}/{started.name}.tar -C "$data" .',
        env=env,
        limits=TEMPLATE,
    )
    return "" if made.passed else f"Its data could not be prepared: {made.text().strip()[-MAX_REASON:]}"


def _bring_valkey(box: Box, find: str) -> bool:
    """Copy Dayhand's own Valkey into the environment; whether it runs there."""
    program = find_program()
    if program is None:
        return False
    with program.open("rb") as stream:
        target = f"{redis.BROUGHT}/valkey-server"
        script = f"mkdir -p {redis.BROUGHT} && cat > {target} && chmod 755 {target}"
        copied = box.run(["/bin/sh", "-c", script], stdin=stream, limits=TEMPLATE)
    return copied.passed and box.run(find, limits=TEMPLATE).passed


def _write(box: Box, path: str, text: str) -> None:
    script = f"mkdir -p {FOLDER} && cat > {shlex.quote(path)}"
    box.check_output(["/bin/sh", "-c", script], stdin=text.encode(), max_bytes=0)


def _paths(started: Started) -> str:
    return f"\ndata={DATA}/{started.name} log={DATA}/{started.name}.log"


def _service(started: Started) -> Service:
    service = find_service(started.declaration.kind)
    assert service  # noqa: S101 - set_up names those that there are not as missing
    return service


def _title(started: Started) -> str:
    """For people: PostgreSQL on db:5432 (compose.yaml)."""
    declared = started.declaration
    service = find_service(declared.kind)
    name = service.NAME if service else OTHERS.get(declared.kind, declared.kind)
    where = f" on {declared.host}:{started.port}" if started.port else f" ({declared.host})"
    return f"{name}{where}" + (f" ({declared.source})" if declared.source else "")
