"""One open container: an exec for each command, and after each the certainty that nothing of it is left."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

from dayhand.errors import SandboxError
from dayhand.sandbox.base import Reason, Snapshot
from dayhand.sandbox.bubblewrap.mounts import (
    HOME,
    SYSTEM_PATH,
    TOOLS,
    UID,
    variables,
)
from dayhand.sandbox.bubblewrap.process import settled
from dayhand.sandbox.command import Ended, Order
from dayhand.sandbox.command_runner import ERRORS, Commands
from dayhand.sandbox.docker.disk_watch import DISK, DiskLook
from dayhand.sandbox.docker.engine import NOWHERE, Engine
from dayhand.sandbox.docker.exec_stream import ExecStream
from dayhand.sandbox.egress.container_tunnel import DOOR, DOOR_USER, Tunnel
from dayhand.sandbox.egress.gateway import Gateway
from dayhand.sandbox.limits import Capacity
from dayhand.sandbox.meter import Meter

KILL_SECONDS = 5.0  # for the streams of a killed command to end; then the container is started anew
SWEEP_SECONDS = 20.0
WATCH_SECONDS = 1.0
PAUSE_SECONDS = 0.05
COPY_SECONDS = 600.0
USER = f"{UID}:{UID}"
SWEEPS = 4
KILLED = 128  # exit codes above it: a signal may have taken our own shell before it could sweep
SWEEP = "/usr/local/libexec/dayhand/sweep"  # a shell that nobody in the box can read, so nobody can trace it
READABLE = "/bin/sh"  # for a runtime that runs no program that may not be read: gVisor

# The engine's own record of memory that ran out, version 1 and 2 of control groups; gVisor has neither.
_COUNT = """
hunger() { oom=0; for file in /sys/fs/cgroup/memory/memory.oom_control /sys/fs/cgroup/memory.events; do
  [ ! -r $file ] || while read -r word value; do [ "$word" != oom_kill ] || oom=$value; done < $file
done; }
count() { set -- /proc/[0-9]*; processes=$#; }
sweep() { kill -KILL -1 2>/dev/null; tries=0; count
  while [ $processes -gt $1 ] && [ $tries -lt 1000 ]; do tries=$((tries + 1)); count; done; }
"""
# The command is a child of a shell that outlives it, takes away whatever it left, and says how it ended.
_AROUND = f"""{_COUNT}
[ -d {HOME} ] || /bin/mkdir -m 700 {HOME}
hunger; before=$oom; count; idle=$processes
(cd -- "$1" && shift && unset OLDPWD && exec /usr/bin/env "$@") MERGE; code=$?
sweep $idle; hunger
[ "$oom" = "$before" ] || exit 137
exit $code
"""
_SWEEP = f"{_COUNT}\nsweep $1; hunger; echo $oom"
_IDLE = 3  # processes: the first, what it waits for, and the sweeping one


class DockerBox(Commands):
    """One open container. Two commands at once would not do: the sweep after one would kill the other."""

    def __init__(self, engine: Engine, container: str, capacity: Capacity, *, shell: str = SWEEP) -> None:
        super().__init__()
        self.keeper: Callable[[str], Snapshot] | None = None  # for a box that can be saved
        self._engine = engine
        self._container = container
        self._capacity = capacity
        self._shell = shell
        self._tunnel: Tunnel | None = None
        self._hunger = 0  # how often the kernel has killed in here because the memory was used up

    def save(self, key: str) -> Snapshot:
        with self._turn:
            self._check_open()
            if self.keeper is None:
                raise SandboxError("A box over a snapshot cannot be saved.", advice="Open it with an Egress.")
            self._closed = True
        return self.keeper(key)

    def close(self) -> None:
        with self._turn:
            self._closed = True
        if self._tunnel:
            self._tunnel.close()

    def open_way_out(self, gate: Gateway) -> None:
        """Let the commands of this box reach the proxy behind ``gate``. Raises ``SandboxError``."""
        if self._tunnel:
            self._tunnel.close()
        stream, _ = self._engine.start(self._container, DOOR, user=DOOR_USER, stdin=True)
        self._tunnel = Tunnel(stream, gate.folder)
        self.gate = gate

    def copy(self, source: str, target: str) -> None:
        """Copy one of its own folders into another. Raises ``SandboxError``."""
        self.pour(["cp", "-a", f"{source}/.", target], most=ERRORS, seconds=COPY_SECONDS)

    def _carry_out(self, order: Order, out: Meter, err: Meter | None, *, gate: Gateway | None) -> Ended:
        before = self._hunger
        ended = self._travel(order, out, err or out)
        if ended.reason is not Reason.EXIT:
            return ended
        if ended.code is None:
            raise SandboxError("The box broke: its container is gone.")
        if ended.code > KILLED:
            self._sweep_or_break()  # a signal may have taken our own shell too, before it could
        if self._hunger > before:
            return Ended(ended.code, Reason.OOM, ended.seconds)
        return ended

    def _travel(self, order: Order, out: Meter, err: Meter) -> Ended:
        """Run one command to its end or to ours."""
        began = time.monotonic()
        # Two streams reach us in any order; what is to be read as one has to be one inside.
        around = _AROUND.replace("MERGE", "2>&1" if err is out else "")
        stream, exec_id = self._engine.start(
            self._container,
            [self._shell, "-c", around, "sh", order.cwd, *_words(order)],
            user=USER,
            stdin=order.stdin is not None,
            env=variables(f"{TOOLS}:{SYSTEM_PATH}"),
        )
        reason: Reason | None = None
        try:
            if order.stdin is not None:
                stream.feed(order.stdin)
            reason = self._pump(stream, out, err, order=order)
        finally:
            if reason is None:  # a listener stopped us
                self._kill(stream)
            stream.close()
        code = None if reason is not Reason.EXIT else self._engine.exit_code(exec_id)
        return Ended(code, reason, time.monotonic() - began)

    def _pump(self, stream: ExecStream, out: Meter, err: Meter, *, order: Order) -> Reason:
        now = asked = time.monotonic()
        until, disk = now + order.seconds, DiskLook(self._capacity, self._look, now)
        while not stream.ended:
            now = time.monotonic()
            reason = Reason.WALL if now >= until else disk(now)
            if out.flooded or err.flooded:
                reason = Reason.FLOOD
            if now - asked >= WATCH_SECONDS:
                asked = now
                reason = Reason.HALTED if order.is_halted() else reason
            if reason is not None:
                self._kill(stream)
                return reason
            stream.step(min(until - now, WATCH_SECONDS), out, err)
        disk.join()
        return Reason.FLOOD if out.flooded or err.flooded else Reason.EXIT

    def _look(self) -> str:
        return self._engine.ask(self._container, [self._shell, "-c", DISK], user=USER, seconds=SWEEP_SECONDS)

    def _kill(self, stream: ExecStream) -> None:
        """Kill all that runs, while somebody goes on reading: an engine that cannot write is an engine that hangs."""
        sweeper = threading.Thread(target=self._try_to_sweep, daemon=True)
        sweeper.start()
        stream.stop_feeding()
        until = time.monotonic() + KILL_SECONDS
        while (sweeper.is_alive() or not stream.ended) and time.monotonic() < until:
            if stream.ended:
                sweeper.join(PAUSE_SECONDS)
            else:
                stream.step(PAUSE_SECONDS, NOWHERE, NOWHERE)
        if sweeper.is_alive() or not stream.ended:
            self._engine.restart(self._container)
            if self.gate:
                self.open_way_out(self.gate)

    def _try_to_sweep(self) -> None:
        with contextlib.suppress(
            SandboxError
        ):  # the streams do not end then, and the container is started anew
            self._sweep()

    def _sweep_or_break(self) -> None:
        """Sweep, and again where that tells nothing: a container that is being taken away still starts what ends at once."""
        try:
            for _ in range(SWEEPS):
                if self._sweep():
                    return
                time.sleep(PAUSE_SECONDS)
        except SandboxError as error:
            raise SandboxError(f"The box broke: {error}") from error

    def _sweep(self) -> bool:
        """Kill what is left of a command by an exec of its own, and learn whether memory has run out since.

        False where it told nothing.
        """
        words = [self._shell, "-c", _SWEEP, "sh", str(_IDLE + bool(self._tunnel))]
        told = self._engine.ask(self._container, words, user=USER, seconds=SWEEP_SECONDS)
        if not told.strip().isdigit():
            return False
        self._hunger = int(told)
        return True


def _words(order: Order) -> list[str]:
    """Arguments for ``env``: the caller's variables reach the command alone, never the shell around it."""
    given = [f"{name}={value}" for name, value in settled(order.env or {}).items()]
    words = order.words()
    plain = "=" not in words[0]
    return [*given, *(() if plain else ("/bin/sh", "-c", 'exec "$0" "$@"')), *words]
