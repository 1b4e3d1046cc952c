"""Everything of one repository installed in one set-up box, probed, and cleared of the repository's own files."""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from dayhand.environment.base import CombinedPlan, Log, Missing, Source
from dayhand.environment.ecosystems.base import CACHE, Files, SetupPlan, Step
from dayhand.environment.services import start
from dayhand.environment.setup.record import Outcome
from dayhand.environment.setup.runtimes import BaseImage, Runtimes
from dayhand.environment.setup.steps import PROBE, STEP, Installer, log_blocked
from dayhand.errors import SandboxError
from dayhand.sandbox.base import Box, Egress, Sandbox, Snapshot

NOT_TRUSTED = (
    "The default branch does not contain this commit, so its code is set up without a network; what it declares is "
    "fetched before, where none of its code runs."
)
ALLOW = (
    "This commit is not on the default branch, so its set-up has no network. A person with write access may allow it "
    "with the comment “@dayhand accept {commit}”."
)
OFFLINE = {"UV_OFFLINE": "1", "npm_config_offline": "true"}  # fail at once

# In the submodules, too: the next person who asks may not be allowed to read them.
CLEAR = f"""
cd /workspace || exit 1
find . -mindepth 2 -path '*/.git/dayhand-submodule' -prune -print0 | xargs -0 -r -n 1 sh -c '
  cd -- "${{1%/.git/dayhand-submodule}}" && git ls-files -z | xargs -0 -r rm -f -- 2>/dev/null; rm -rf .git' sh
git ls-files -z | xargs -0 -r rm -f -- 2>/dev/null
rm -rf .git {CACHE}
"""


@contextmanager
def installed(
    plan: CombinedPlan,
    base_image: BaseImage,
    sandbox: Sandbox,
    *,
    fill: Callable[[Box], None],
    log: Log,
    source: Source,
    files: Files,
) -> Iterator[tuple[Box, Outcome]]:
    """Install everything and probe the tools; give the box, cleared of the repository's own files, to be saved.

    Where nothing is to be installed, the box has no network; nor where the commit is not trusted: then ``files`` name
    what is fetched before, in a box where no code runs.
    """
    if not (plan.installs or _needs_runtime(plan, sandbox)):
        setup = _probed(plan, sandbox, fill=fill, log=log)
    elif source.trusted:
        setup = _online(plan, base_image, sandbox, fill=fill, log=log)
    else:
        setup = _untrusted(plan, base_image, sandbox, fill=fill, log=log, source=source, files=files)
    with setup as (box, outcome):
        cleared = box.run(["/bin/sh", "-c", CLEAR], limits=STEP)
        if not cleared.passed:
            raise SandboxError(f"The set-up box could not be cleared: {cleared.text()[-300:]}")
        if plan.services:
            missing = start.set_up(box, plan.services, env=plan.env, log=log)
            yield box, replace(outcome, missing_services=missing)
        else:
            yield box, outcome


def _needs_runtime(plan: CombinedPlan, sandbox: Sandbox) -> bool:
    """Whether a language has to be installed although the repository itself installs nothing."""
    probes = [part.runtime.probe for part in plan.plans if part.runtime and part.checks]
    if not probes:
        return False
    with sandbox.open() as box:
        return not all(box.run(probe, cwd="/", env=plan.env, limits=PROBE).passed for probe in probes)


@contextmanager
def _probed(
    plan: CombinedPlan, sandbox: Sandbox, *, fill: Callable[[Box], None], log: Log
) -> Iterator[tuple[Box, Outcome]]:
    with sandbox.open() as box:
        fill(box)
        yield box, Outcome(Installer(box, plan.env, {}, log=log).prove(plan.checks), (), ())


@contextmanager
def _online(
    plan: CombinedPlan, base_image: BaseImage, sandbox: Sandbox, *, fill: Callable[[Box], None], log: Log
) -> Iterator[tuple[Box, Outcome]]:
    runtimes = Runtimes(sandbox, base_image, plan, log=log)
    origin = runtimes.install_missing(plan.plans)
    allowed, client_env = runtimes.open_registries(plan.plans, origin)
    egress = Egress((*allowed, *plan.allow, *plan.extra.hosts), plan.extra.hosts)
    with sandbox.open(origin=origin, egress=egress) as box:
        fill(box)
        installer = Installer(box, plan.env, client_env, log=log)
        missing = _install(installer, plan, runtimes)
        blocked = tuple(dict.fromkeys((*runtimes.blocked, *egress.refused)))
        log_blocked(blocked, log)
        yield box, Outcome(missing, (*runtimes.failed, *installer.steps), blocked)


def _install(installer: Installer, plan: CombinedPlan, runtimes: Runtimes) -> dict[str, Missing]:
    if any(part.client == "python" for part in plan.plans):
        installer.copy_uv()
    for part in plan.plans:
        for step in part.steps:
            installer.take(step)
    return installer.prove(plan.checks, runtimes.failures)


@contextmanager
def _untrusted(
    plan: CombinedPlan,
    base_image: BaseImage,
    sandbox: Sandbox,
    *,
    fill: Callable[[Box], None],
    log: Log,
    source: Source,
    files: Files,
) -> Iterator[tuple[Box, Outcome]]:
    """Fetch what is declared where nothing of the commit can run, then run its code where nothing can be reached.

    Its egress allows no host: the environment can be written, and every connection is refused.
    """
    log.line("say", NOT_TRUSTED)
    runtimes = Runtimes(sandbox, base_image, plan, log=log)
    origin = runtimes.install_missing(plan.plans)
    _, client_env = runtimes.open_registries(plan.plans, origin)
    plans: list[SetupPlan] = []
    kept: list[str] = []
    for part in plan.plans:
        fetched = _fetched(part, plan, runtimes, origin=origin, files=files) if part.fetch else None
        if fetched and part.fetch and part.fetch.offline is not None:
            part = replace(part, steps=part.fetch.offline)  # noqa: PLW2901
        if fetched:
            origin = fetched
            kept.append(fetched.key)
        plans.append(part)
    with _deleted(sandbox, kept), sandbox.open(origin=origin, egress=Egress(())) as box:
        fill(box)
        installer = Installer(box, plan.env, {**client_env, **OFFLINE}, log=log)
        missing = _install(installer, replace(plan, plans=tuple(plans)), runtimes)
        allow = ALLOW.format(commit=source.tree[:12])
        told = {command: replace(one, why=f"{one.why} {allow}") for command, one in missing.items()}
        if missing or not all(step.passed for step in installer.steps):
            log.line("say", allow)
        yield box, Outcome(told, tuple(installer.steps), runtimes.blocked)


@contextmanager
def _deleted(sandbox: Sandbox, keys: list[str]) -> Iterator[None]:
    try:
        yield
    finally:
        sandbox.delete_snapshots(keys)


def _fetched(
    part: SetupPlan, plan: CombinedPlan, runtimes: Runtimes, *, origin: Snapshot | None, files: Files
) -> Snapshot | None:
    """A snapshot with what one ecosystem declares, on top of ``origin``; None where it cannot be fetched like this."""
    fetch = part.fetch
    assert fetch  # noqa: S101 - the caller checked it
    hosts, client_env = runtimes.open_registries((part,), origin)
    sandbox, texts = runtimes.sandbox, {path: files.read(path) for path in fetch.files}
    egress = Egress((*hosts, *plan.extra.hosts), plan.extra.hosts)
    with sandbox.open(origin=origin, egress=egress) as box:
        for path, text in texts.items():
            script = f'mkdir -p "$(dirname {shlex.quote(path)})" && cat > {shlex.quote(path)}'
            box.check_output(["/bin/sh", "-c", script], stdin=text.encode(), max_bytes=0)
        installer = Installer(box, plan.env, client_env, log=runtimes.log)
        if part.client == "python":
            installer.copy_uv()
        done = installer.take(Step(f"{part.ecosystem}: fetch without running code", (fetch.command,)))
        runtimes.blocked += egress.refused
        if not done.passed:
            return None
        removed = " ".join(map(shlex.quote, texts))
        box.check_output(["/bin/sh", "-c", f"rm -f -- {removed}; rm -rf {CACHE}"], max_bytes=0)
        return box.save(f"fetched-{secrets.token_hex(16)}")
