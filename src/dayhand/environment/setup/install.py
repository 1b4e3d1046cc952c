"""The code layer: the steps that run the repository's own code, on top of the dependencies, in a box of one tree's own.

Code of a commit that is not trusted has no network. A plan without such steps needs no layer of its own: the dependencies
are its environment, and every commit with the same manifests shares it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from dayhand.environment.base import CombinedPlan, Installed, Log, Missing, Source
from dayhand.environment.ecosystems.base import CACHE, Step
from dayhand.environment.services import start
from dayhand.environment.services.plan import host_addresses
from dayhand.environment.setup.build_lock import building
from dayhand.environment.setup.dependencies import Layer, find_layers, opened_over
from dayhand.environment.setup.record import Outcome
from dayhand.environment.setup.runtimes import BaseImage, Runtimes
from dayhand.environment.setup.steps import OFFLINE, STEP, Installer, log_blocked
from dayhand.errors import SandboxError
from dayhand.sandbox.base import Box, Egress, Sandbox, Snapshot
from dayhand.sandbox.clone import REMOVE_GIT
from dayhand.startup.records import dataclass
from dayhand.task import Blocked

NOT_TRUSTED = (
    "The default branch does not contain this commit, so its code is set up without a network; what it declares is "
    "downloaded before, where none of its code runs."
)
ALLOW = (
    "This commit is not on the default branch, so its set-up has no network. A person with write access may allow it "
    "with the comment “@{handle} accept {commit}”."
)

REFILL_SECONDS = 7 * 24 * 3600

# In the submodules, too: the next person who asks may not be allowed to read them.
CLEAR = f"""
cd /workspace || exit 1
find . -mindepth 2 -path '*/.git/dayhand-submodule' -prune -print0 | xargs -0 -r -n 1 sh -c '
  cd -- "${{1%/.git/dayhand-submodule}}" && git ls-files -z | xargs -0 -r rm -f -- 2>/dev/null; rm -rf .git' sh
git ls-files -z | xargs -0 -r rm -f -- 2>/dev/null
rm -rf {CACHE}
{REMOVE_GIT}"""


@dataclass(frozen=True, slots=True)
class Repository:
    """The commit that is set up."""

    fill: Callable[[Box], None]  # puts it into a box
    source: Source


class SetUp:
    """One set-up of one commit: the languages, its dependencies, and what its own code installs."""

    def __init__(
        self, plan: CombinedPlan, base_image: BaseImage, sandbox: Sandbox, *, repository: Repository, log: Log
    ) -> None:
        self.plan = plan
        self.sandbox = sandbox
        self.repository = repository
        self.log = log
        self.runtimes = Runtimes(sandbox, base_image, plan, log=log)
        self.origin: Snapshot | None = None  # with the languages that the box lacks
        self.layers: tuple[Layer | None, ...] = (None,) * len(plan.plans)
        self.found = False  # whether what commits share was there

    def find_dependencies(self) -> None:
        """Find or download what runs none of the repository's code."""
        if not (self.plan.installs or any(part.runtime and part.checks for part in self.plan.plans)):
            return
        self.origin = self.runtimes.install_missing(self.plan.plans)
        repository = self.repository.source.repository
        self.layers = find_layers(self.plan.plans, self.runtimes, self.origin, repository=repository)

    def share(self) -> tuple[Snapshot, Outcome] | None:
        """The dependencies, with the build cache, as the whole environment; None where the repository's own code runs.

        What is in them follows from the manifests. Whether the checks can start may depend on any file, so this is tried
        out each time, in a box that is thrown away.
        """
        if any(self._remaining()) or self.plan.services or any(step.runs_code for step in self.plan.compiles):
            return None
        self.found = all(layer.found for layer in self._fetched)
        snapshot = self._with_build_cache(self._merged() if self._fetched else self.origin)
        if snapshot is None or snapshot == self.origin:
            return None
        with self.sandbox.open(origin=snapshot) as box:
            self.repository.fill(box)
            installer = Installer(box, self.plan.env, {}, log=self.log)
            missing = installer.prove(without_remedies(self.plan).checks, self.runtimes.failures)
        outcome = Outcome(missing, self._fetched_steps(), self._blocked()).settled(self.plan.checks)
        if any(check.remedy for check in self.plan.checks if check.command in outcome.missing):
            return None
        return snapshot, outcome

    @contextmanager
    def installed(self) -> Iterator[tuple[Box, Outcome]]:
        """Install the rest and probe the tools; give the box, cleared of the repository's own files, to be saved."""
        if not (self.plan.installs or self.origin):
            yield from self._probed()
            return
        trusted = self.repository.source.trusted
        hosts, client_env = self.runtimes.open_registries(self.plan.plans, self.origin)
        own = self.plan.extra.hosts
        # Without a host, every connection is refused, and the environment can still be written.
        egress = Egress((*hosts, *self.plan.allow, *own), own) if trusted else Egress(())
        if not trusted:
            self.log.line("say", NOT_TRUSTED)
        hosts_of_services = host_addresses(self.plan.services)
        with opened_over(
            self._fetched, self.sandbox, origin=self.origin, egress=egress, hosts=hosts_of_services
        ) as box:
            self.repository.fill(box)
            variables = client_env if trusted else {**client_env, **OFFLINE}
            made = start.set_up_first(box, self.plan.services, env=self.plan.env)
            launcher = ("/bin/sh", start.KEEPER) if made else ()
            installer = Installer(box, self.plan.env, variables, log=self.log, launcher=launcher)
            missing = self._install(installer)
            installer.compile(self.plan.compiles)
            outcome = self._outcome(installer, missing, egress)
            yield box, self._finished(box, outcome, made)

    def _probed(self) -> Iterator[tuple[Box, Outcome]]:
        """Nothing is to be installed, so the box has no network."""
        with self.sandbox.open() as box:
            self.repository.fill(box)
            installer = Installer(box, self.plan.env, {}, log=self.log)
            missing = installer.prove(self.plan.checks)
            installer.compile(self.plan.compiles)
            yield box, self._finished(box, Outcome(missing, (), ()).settled(self.plan.checks))

    def _finished(self, box: Box, outcome: Outcome, made: frozenset[str] = frozenset()) -> Outcome:
        """Clear the box of the repository's own files, and put the services' data into it."""
        _clear(box)
        if not self.plan.services:
            return outcome
        missing = start.set_up(box, self.plan.services, env=self.plan.env, log=self.log, made=made)
        return replace(outcome, missing_services=missing)

    def _install(self, installer: Installer) -> dict[str, Missing]:
        if any(part.client == "python" for part in self.plan.plans):
            installer.copy_uv()
        for steps, layer in zip(self._remaining(), self.layers, strict=True):
            for step in steps:
                known = _passed(layer) or (bool(self._fetched) and step.commands[0].startswith("uv pip "))
                installer.take(step, offline_first=known and self.repository.source.trusted)
        return installer.prove(self.plan.checks, self.runtimes.failures)

    def _outcome(self, installer: Installer, missing: dict[str, Missing], egress: Egress) -> Outcome:
        self.runtimes.log_connections(egress)
        if self.repository.source.trusted:
            asked_again = {(one.host, one.port) for one in egress.refused}
            earlier = (one for one in self._blocked() if (one.host, one.port) not in asked_again)
            blocked = (*earlier, *egress.refused)
        else:  # its own code is refused everything, which no setting would change
            blocked = self._blocked()
            source = self.repository.source
            allow = ALLOW.format(handle=source.handle, commit=source.tree[:12])
            if missing or not all(step.passed for step in installer.steps):
                self.log.line("say", allow)
            missing = {command: replace(one, why=f"{one.why} {allow}") for command, one in missing.items()}
        log_blocked(blocked, self.log)
        steps = (*self._fetched_steps(), *installer.steps)
        return Outcome(missing, steps, blocked).settled(self.plan.checks)

    @property
    def _fetched(self) -> tuple[Layer, ...]:
        return tuple(layer for layer in self.layers if layer and layer.passed)

    def _remaining(self) -> tuple[tuple[Step, ...], ...]:
        """What is left to be installed of each plan: a download that failed leaves all of it."""
        return tuple(
            part.remaining if _passed(layer) else part.steps
            for part, layer in zip(self.plan.plans, self.layers, strict=True)
        )

    def _fetched_steps(self) -> tuple[Installed, ...]:
        """The languages that could not be installed, and what was downloaded."""
        return (*self.runtimes.failed, *(step for layer in self._fetched for step in layer.steps))

    def _blocked(self) -> tuple[Blocked, ...]:
        refused = (one for layer in self.layers if layer for one in layer.blocked)
        return tuple(dict.fromkeys((*self.runtimes.blocked, *refused)))

    def _with_build_cache(self, origin: Snapshot | None) -> Snapshot | None:
        """``origin`` with what Go compiled, for all commits of this repository; only a trusted one fills it.

        No code of the repository runs, and a file of Go's cache is found by what was compiled. After a week it is filled
        anew, because other packages have changed by then.
        """
        if not self.plan.compiles:
            return origin
        week = int(time.time()) // REFILL_SECONDS
        toolchain = (self.sandbox.name, self.runtimes.base_image.identity, origin.key if origin else "")
        source, env = self.repository.source, sorted(self.plan.env.items())
        parts = (week, toolchain, source.repository, env, repr(self.plan.compiles))
        key = f"built-{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"
        with building(key):
            if found := self.sandbox.find_snapshot(key):
                return found
            if not source.trusted:
                return origin
            self.found = False
            with self.sandbox.open(origin=origin, egress=Egress(())) as box:
                self.repository.fill(box)
                Installer(box, self.plan.env, {}, log=self.log).compile(self.plan.compiles)
                _clear(box)
                return box.save(key)

    def _merged(self) -> Snapshot:
        """One snapshot with all layers in it."""
        layers = self._fetched
        if len(layers) == 1:
            return layers[0].snapshot
        names = "\n".join(layer.snapshot.key for layer in layers)
        key = f"deps-{hashlib.sha256(names.encode()).hexdigest()[:32]}"
        with building(key):
            if found := self.sandbox.find_snapshot(key):
                return found
            with opened_over(layers, self.sandbox, origin=None, egress=Egress(())) as box:
                return box.save(key)


def _clear(box: Box) -> None:
    """Remove the repository's own files."""
    cleared = box.run(["/bin/sh", "-c", CLEAR], limits=STEP)
    if not cleared.passed:
        raise SandboxError(f"The set-up box could not be cleared: {cleared.text()[-300:]}")


def without_remedies(plan: CombinedPlan) -> CombinedPlan:
    """The same plan, in which nothing is installed for a check whose tool is missing."""
    return replace(plan, checks=tuple(replace(check, remedy="") for check in plan.checks))


def _passed(layer: Layer | None) -> bool:
    return layer is not None and layer.passed
