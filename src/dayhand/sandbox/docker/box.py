"""One open container: an exec for each command, and a sweep after each that leaves none of its processes."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

from dayhand.box_paths import ENVIRONMENT, WORKSPACE
from dayhand.errors import SandboxError
from dayhand.sandbox.base import Reason, Snapshot
from dayhand.sandbox.command import MAX_ERROR_BYTES, CommandRunner, ExitStatus, SandboxCommand
from dayhand.sandbox.docker.disk_watch import MEASURE, ContainerDiskWatch
from dayhand.sandbox.docker.egress_tunnel import RELAY, RELAY_USER, EgressTunnel
from dayhand.sandbox.docker.end_mark import EndMark
from dayhand.sandbox.docker.engine import DISCARD, DockerEngine
from dayhand.sandbox.docker.exec_stream import ExecStream
from dayhand.sandbox.egress.gateway import Gateway
from dayhand.sandbox.guest import HOME, SYSTEM_PATH, TOOLS, UID, environment_variables
from dayhand.sandbox.limits import Capacity
from dayhand.sandbox.output import OutputCapture

KILL_SECONDS = 5.0  # for the streams of a killed command to end; then the container is restarted
SWEEP_SECONDS = 20.0
WATCH_SECONDS = 1.0
PAUSE_SECONDS = 0.05
COPY_SECONDS = 600.0
USER = f"{UID}:{UID}"
SWEEPS = 4
KILLED = 128  # exit codes above it: a signal may have killed our own shell before it could sweep
SWEEP_SHELL = "/usr/local/libexec/dayhand/sweep"  # nobody in the box can read it, so nobody can trace it
READABLE_SHELL = "/bin/sh"  # for a runtime that cannot run an unreadable program: gVisor

# The kernel's count of processes killed for memory, in version 1 and 2 of control groups; gVisor has neither.
_FUNCTIONS = """
count_oom() { oom=0; for file in /sys/fs/cgroup/memory/memory.oom_control /sys/fs/cgroup/memory.events; do
  [ ! -r $file ] || while read -r word value; do [ "$word" != oom_kill ] || oom=$value; done < $file
done; }
count() { set -- /proc/[0-9]*; processes=$#; }
sweep() { kill -KILL -1 2>/dev/null; tries=0; count
  while [ $processes -gt $1 ] && [ $tries -lt 1000 ]; do tries=$((tries + 1)); count; done; }
"""
# The command is the child of a shell that outlives it, kills whatever it left and reports how it ended.
_WRAPPER = f"""{_FUNCTIONS}
[ -d {HOME} ] || /bin/mkdir -m 700 {HOME}
for folder in {HOME} WRITABLE; do
  [ -r $folder ] && [ -w $folder ] && [ -x $folder ] || /bin/chmod u+rwx $folder 2>/dev/null
done
count_oom; before=$oom; count; idle=$processes
(cd -- "$1" && shift && unset OLDPWD && exec /usr/bin/env "$@") MERGE; code=$?
sweep $idle; count_oom; MARK_END
[ "$oom" = "$before" ] || exit 137
exit $code
"""
_SWEEP = f"{_FUNCTIONS}\nsweep $1; count_oom; echo $oom"
_IDLE_PROCESSES = 3  # the first process, the `sleep` it waits for, and the sweeping shell


class DockerBox(CommandRunner):
    """One open container. It runs one command at a time: the sweep after a command would kill any other."""

    def __init__(
        self, engine: DockerEngine, container: str, capacity: Capacity, *, shell: str = SWEEP_SHELL
    ) -> None:
        super().__init__(capacity.memory)
        self.on_save: Callable[[str], Snapshot]
        self.owns_environment = True  # whether it may write in it
        self._engine = engine
        self._container = container
        self._capacity = capacity
        self._shell = shell
        self._tunnel: EgressTunnel | None = None
        self._oom_kills = 0

    def save(self, key: str) -> Snapshot:
        self.check_output(["true"], max_bytes=0)  # gives it the right to its folders back
        with self._lock:
            self._check_open()
            self._closed = True
        return self.on_save(key)

    def changed_paths(self) -> bytes | None:
        return None  # the engine could list them, but takes a second and more: it may compare whole images

    def close(self) -> None:
        with self._lock:
            self._closed = True
        if self._tunnel:
            self._tunnel.close()

    def open_egress(self, gateway: Gateway) -> None:
        """Let the commands of this box reach the proxy behind ``gateway``. Raises ``SandboxError``."""
        if self._tunnel:
            self._tunnel.close()
        stream, _ = self._engine.start_exec(self._container, RELAY, user=RELAY_USER, stdin=True)
        self._tunnel = EgressTunnel(stream, gateway.folder)
        self.gateway = gateway

    def copy(self, source: str, target: str) -> None:
        """Copy the content of one folder in the box into another. Raises ``SandboxError``."""
        self.check_output(
            ["cp", "-a", f"{source}/.", target], max_bytes=MAX_ERROR_BYTES, seconds=COPY_SECONDS
        )

    def _execute(
        self,
        command: SandboxCommand,
        out: OutputCapture,
        err: OutputCapture | None,
        *,
        gateway: Gateway | None,
    ) -> ExitStatus:
        before = self._oom_kills
        status = self._run_exec(command, out, err or out)
        if status.reason not in (Reason.EXIT, Reason.TRUNCATED):
            return status
        if status.code is None:
            raise SandboxError("The box broke: its container is gone.")
        if status.code > KILLED:
            self._sweep_or_fail()  # a signal may have killed our own shell too, before it could sweep
        if self._oom_kills > before:
            return ExitStatus(status.code, Reason.OOM, status.seconds)
        return status

    def _run_exec(self, command: SandboxCommand, out: OutputCapture, err: OutputCapture) -> ExitStatus:
        """Run one command until it ends or has to be stopped."""
        began = time.monotonic()
        # Two streams reach us in any order, so output that is read as one stream has to be one inside the box.
        wrapper = _WRAPPER.replace("MERGE", "2>&1" if err is out else "")
        # A command may have taken away its user's right to these folders: the next one gets it back.
        wrapper = wrapper.replace(
            "WRITABLE", f"{WORKSPACE} {ENVIRONMENT}" if self.owns_environment else WORKSPACE
        )
        ends = EndMark(out), EndMark(err)
        wrapper = wrapper.replace("MARK_END", f"{ends[0].printf}; {ends[1].printf} >&2")
        stream, exec_id = self._engine.start_exec(
            self._container,
            [self._shell, "-c", wrapper, "sh", command.cwd, *_env_arguments(command)],
            user=USER,
            stdin=command.stdin is not None,
            env=environment_variables(f"{TOOLS}:{SYSTEM_PATH}"),
        )
        reason: Reason | None = None
        try:
            if command.stdin is not None:
                stream.feed(command.stdin)
            reason = self._stream_until_end(stream, ends, captures=(out, err), command=command)
        finally:
            if reason is None:  # ``on_output`` or ``cancelled`` raised
                self._kill(stream)
            stream.close()
        for end in ends:
            end.finish()
        code = None if reason is not Reason.EXIT else self._engine.exit_code(exec_id)
        if code is not None and code <= KILLED and not all(end.arrived for end in ends):
            reason = Reason.TRUNCATED
        return ExitStatus(code, reason, time.monotonic() - began)

    def _stream_until_end(
        self,
        stream: ExecStream,
        ends: tuple[EndMark, EndMark],
        *,
        captures: tuple[OutputCapture, OutputCapture],
        command: SandboxCommand,
    ) -> Reason:
        now = asked = time.monotonic()
        until = now + command.seconds
        disk = ContainerDiskWatch(self._capacity, self._measure_disk, now, layer=self._layer_size)
        while not stream.ended:
            now = time.monotonic()
            reason = Reason.TIMEOUT if now >= until else disk(now)
            if any(capture.flooded for capture in captures):
                reason = Reason.FLOOD
            if now - asked >= WATCH_SECONDS:
                asked = now
                reason = Reason.CANCELLED if command.is_cancelled() else reason
            if reason is not None:
                self._kill(stream)
                return reason
            stream.step(min(until - now, WATCH_SECONDS), *ends)
        disk.join()
        return Reason.FLOOD if any(capture.flooded for capture in captures) else Reason.EXIT

    def _measure_disk(self) -> str:
        words = [self._shell, "-c", MEASURE]
        return self._engine.exec_output(self._container, words, user=USER, seconds=SWEEP_SECONDS)

    def _layer_size(self) -> int:
        """The bytes of what this container has written to its own layer, measured by the engine."""
        return self._engine.layer_size(self._container)

    def _kill(self, stream: ExecStream) -> None:
        """Kill every process of the command, and keep reading its output meanwhile: an engine that cannot write hangs."""
        sweeper = threading.Thread(target=self._try_to_sweep, daemon=True)
        sweeper.start()
        stream.stop_feeding()
        until = time.monotonic() + KILL_SECONDS
        while (sweeper.is_alive() or not stream.ended) and time.monotonic() < until:
            if stream.ended:
                sweeper.join(PAUSE_SECONDS)
            else:
                stream.step(PAUSE_SECONDS, DISCARD, DISCARD)
        if sweeper.is_alive() or not stream.ended:
            self._engine.restart(self._container)
            if self.gateway:
                self.open_egress(self.gateway)

    def _try_to_sweep(self) -> None:
        with contextlib.suppress(SandboxError):  # then the streams do not end, and the container is restarted
            self._sweep()

    def _sweep_or_fail(self) -> None:
        """Sweep; repeat if that returns nothing: an exec in a container that is being removed starts and ends at once."""
        try:
            for _ in range(SWEEPS):
                if self._sweep():
                    return
                time.sleep(PAUSE_SECONDS)
        except SandboxError as error:
            raise SandboxError(f"The box broke: {error}") from error

    def _sweep(self) -> bool:
        """Kill what is left of a command by another exec, and read how often memory has run out.

        False if it returned nothing.
        """
        words = [self._shell, "-c", _SWEEP, "sh", str(_IDLE_PROCESSES + bool(self._tunnel))]
        answer = self._engine.exec_output(self._container, words, user=USER, seconds=SWEEP_SECONDS)
        if not answer.strip().isdigit():
            return False
        self._oom_kills = int(answer)
        return True


def _env_arguments(command: SandboxCommand) -> list[str]:
    """Arguments for ``env``: the caller's variables reach the command alone, never the shell around it."""
    variables = [f"{name}={value}" for name, value in command.checked_env().items()]
    argv = command.argv()
    is_variable = "=" in argv[0]  # ``env`` would take such a program for one
    return [*variables, *(("/bin/sh", "-c", 'exec "$0" "$@"') if is_variable else ()), *argv]
