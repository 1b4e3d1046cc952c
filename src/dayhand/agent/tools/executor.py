"""Runs the model's tool calls in the box, and reports their results to the model and the log."""

from __future__ import annotations

import math
import posixpath
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import field, replace
from typing import Protocol, assert_never

from dayhand.agent.model.base import Call
from dayhand.agent.tools import apply_patch, files
from dayhand.agent.tools.apply_patch import PatchError
from dayhand.agent.tools.background_command import BackgroundCommand
from dayhand.agent.tools.call_parser import (
    MAX_NAME_CHARS,
    InvalidCall,
    PatchCall,
    PlanCall,
    SessionCall,
    ShellCall,
    ToolRequest,
    ViewImageCall,
    parse_call,
)
from dayhand.agent.tools.citations import citation_error
from dayhand.agent.tools.command_text import how_it_ended, with_pointer
from dayhand.agent.tools.image import MAX_IMAGE_BYTES, MAX_TOTAL_IMAGE_BYTES, detect_image
from dayhand.box_paths import WORKSPACE
from dayhand.errors import SandboxError
from dayhand.exit_codes import NOT_EXECUTABLE
from dayhand.sandbox.base import Box, Reason
from dayhand.startup.records import dataclass
from dayhand.task import Solution

GRACE_SECONDS = 60.0  # for the box to end a command after its time limit
MAX_COMMAND_CHARS = 100_000  # Linux limits one argument of a program to 128 KiB
OUTPUT_DIR = f"{WORKSPACE}/.git/outputs"  # inside .git, so it is not part of the change

_SHELL_SCRIPT = f'cd -- "$2" || exit {NOT_EXECUTABLE}; command -v bash >/dev/null 2>&1 && exec bash -c "$1"; exec sh -c "$1"'
_SAVE_SCRIPT = 'mkdir -p -- "$(dirname -- "$1")" && cat > "$1"'
_QUIET_ENV = {
    "CI": "1",
    "GIT_PAGER": "cat",
    "LESS": "-R",
    "NO_COLOR": "1",
    "PAGER": "cat",
    "PIP_PROGRESS_BAR": "off",
    "TERM": "dumb",
    "TQDM_DISABLE": "1",
}
# The start of the result of a command that continues in the background.
STILL_RUNNING = re.compile(r"Session \d+ is still running, for ")
_STEP_MARKS = {"pending": "·", "in_progress": "▸", "completed": "✓"}


class LogWriter(Protocol):
    """Writes log lines."""

    def line(self, kind: str, text: str) -> int:
        """Write one entry and return its number."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The result of one call."""

    text: str  # for the model
    passed: bool
    solution: Solution | None = None  # set if a ``finish`` was accepted
    touched: bool = False  # whether the work tree may have changed
    image: str = ""  # a data: URL


@dataclass(frozen=True, slots=True)
class Session:
    """A command that was started, and the call that started it."""

    id: int
    command: BackgroundCommand
    request: ShellCall
    call_id: str


@dataclass(frozen=True, slots=True)
class CommandContext:
    """What the model's commands run in."""

    env: Mapping[str, str] = field(default_factory=dict)
    launcher: Sequence[str] = ()  # the words in front of each shell command, which start services


class ToolExecutor:
    """Runs one task's tool calls in one box."""

    def __init__(
        self,
        box: Box,
        log: LogWriter,
        env: Mapping[str, str],
        *,
        launcher: Sequence[str] = (),
        supports_images: Callable[[], bool] = lambda: True,  # of the model in use
        seconds_left: Callable[[], float] = lambda: math.inf,
        find_offences: Callable[[], str] = str,
    ) -> None:
        """``seconds_left`` is the task's time for commands; ``find_offences`` says why a ``finish`` is refused."""
        self._box = box
        self._log = log
        self._env = {**_QUIET_ENV, **env}
        self._launcher = launcher
        self._supports_images = supports_images
        self._seconds_left = seconds_left
        self._find_offences = find_offences
        self._image_bytes = 0  # shown so far
        self._session: Session | None = None  # the command in the background, until its end was reported

    @property
    def busy(self) -> bool:
        """Whether a command is running. The box cannot run another one meanwhile."""
        return self._session is not None and self._session.command.running

    def flush_log(self) -> None:
        """Log the new output of the command in the background."""
        if self._session:
            self._session.command.flush_log()

    def close(self) -> None:
        """End the command in the background, if there is one."""
        session, self._session = self._session, None
        if session is None:
            return
        if session.command.running:
            session.command.kill()
            session.command.close()
            self._log.line("result", f"session {session.id} was killed")
        session.command.close()

    def execute(self, call: Call, *, alone: bool) -> ToolResult:
        """Run a call. Invalid calls return a result that explains the error.

        ``alone``: whether the reply contains no other call that runs something. Raises ``SandboxError`` if the box
        broke.
        """
        report = ""
        try:
            request = parse_call(call)
            report = self._report_ended_session(request)
            result = self._run(request, call.id, alone=alone)
        except (InvalidCall, PatchError) as error:
            self._log.line("error", f"{call.name[:MAX_NAME_CHARS]}: {error}")
            result = ToolResult(str(error), passed=False)
        return replace(result, text=report + result.text, touched=True) if report else result

    def _run(self, request: ToolRequest, call_id: str, *, alone: bool) -> ToolResult:
        match request:
            case ShellCall():
                return self._shell(request, call_id)
            case SessionCall():
                return self._wait_or_kill(request)
            case PatchCall():
                return self._patch(request)
            case PlanCall():
                return self._plan(request)
            case ViewImageCall():
                return self._view_image(request)
            case Solution():
                return self._finish(request, alone=alone)
            case _:
                assert_never(request)

    def _report_ended_session(self, request: ToolRequest) -> str:
        """Report the command in the background if it has ended. Raises ``InvalidCall`` if it is still running."""
        if self._session is None or isinstance(request, SessionCall | PlanCall):
            return ""
        if isinstance(request, Solution):
            return ""  # once it is accepted, the command is killed
        session_id = self._session.id
        if self._session.command.running:
            raise InvalidCall(
                f"Session {session_id} is still running, and only one command can run at a time: "
                "wait for it with `session`, or kill it."
            )
        return f"Session {session_id} has ended.\n{self._report().text}\n\n"

    def _shell(self, request: ShellCall, call_id: str) -> ToolResult:
        if len(request.command) > MAX_COMMAND_CHARS:
            raise InvalidCall("The command is too long. To write a file, use apply_patch.")
        if (seconds_left := self._seconds_left()) <= 0:
            raise InvalidCall("The command was not run: the time for this task is used up. Call finish.")
        if seconds_left < request.seconds:
            request = replace(request, seconds=seconds_left, until_deadline=True)
        workdir = posixpath.join(WORKSPACE, request.workdir)
        self._log.line("command", request.command)
        command = BackgroundCommand(
            self._box,
            [*self._launcher, "/bin/sh", "-c", _SHELL_SCRIPT, "sh", request.command, workdir],
            env=self._env,
            seconds=request.seconds,
            log_output=lambda text: self._log.line("output", text),
            takes_input=request.takes_input,
        )
        # The id depends on the call alone, so it stays the same if another worker runs the call again.
        session_id = zlib.crc32(call_id.encode()) % 90_000 + 10_000
        self._session = Session(session_id, command, request, call_id)
        result = self._wait(min(request.yield_after, request.seconds + GRACE_SECONDS))
        if self._session:
            self._log.line("say", f"The command continues in the background as session {session_id}.")
        return result

    def _wait_or_kill(self, request: SessionCall) -> ToolResult:
        if self._session is None or self._session.id != request.session_id:
            other = f" There is session {self._session.id}." if self._session else ""
            raise InvalidCall(
                f"There is no session {request.session_id}: its end was already reported, or it ended when the "
                f"sandbox or the history was replaced.{other}"
            )
        if request.kill:
            self._session.command.kill()
        elif request.stdin or request.ends_input:
            self._write_input(self._session.command, request)
        return self._wait(min(request.seconds, max(0.0, self._seconds_left())))

    def _write_input(self, command: BackgroundCommand, request: SessionCall) -> None:
        if not command.takes_input:
            raise InvalidCall("Its standard input is empty: start the command with `stdin: true`.")
        if not command.write_input(request.stdin, end=request.ends_input):
            raise InvalidCall(
                "Nothing was written: its standard input is closed, or it has not read the rest."
            )
        self._log.line("command", f"(to session {request.session_id}) {request.stdin}")

    def _wait(self, seconds: float) -> ToolResult:
        """Wait for the command in the background. An exception meanwhile ends the command."""
        assert self._session is not None  # noqa: S101 - both callers have checked it
        command = self._session.command
        with ExitStack() as on_error:
            on_error.callback(self.close)
            command.wait(seconds)
            on_error.pop_all()
        if not command.running:
            return self._report()
        text = f"Session {self._session.id} is still running, for {command.seconds:.0f} s so far.\nOutput:\n"
        return ToolResult(f"{text}{command.read_new()}", passed=True)

    def _report(self) -> ToolResult:
        """The result of the command in the background, which has ended."""
        assert self._session is not None  # noqa: S101 - the callers have checked it
        session, self._session = self._session, None
        command = session.command
        with ExitStack() as cleanup:
            cleanup.callback(command.close)
            result = command.result()
            if result.reason is Reason.LOST:
                raise SandboxError("The sandbox broke while a command was running in it.")
            new_output, pointer = command.read_new(), ""
            if command.truncated:
                pointer = self._save_output(command, session.call_id)
            command.close(result, with_pointer(result.text(), pointer))
        ended = how_it_ended(result, session.request)
        self._log.line("result", f"{ended} · {result.seconds:.1f} s")
        shown = with_pointer(new_output, pointer)
        text = f"Exit code: {result.code}\nWall time: {result.seconds:.1f} seconds\nOutput:\n{shown}"
        if result.reason is not Reason.EXIT:
            text = f"{ended}.\n{text}"
        return ToolResult(text, passed=result.passed, touched=True)

    def _save_output(self, command: BackgroundCommand, call_id: str) -> str:
        """Save the whole output in the box, in a file of this call's own; return a sentence that names the file."""
        path = f"{OUTPUT_DIR}/{re.sub(r'[^A-Za-z0-9_-]', '', call_id)[-40:]}.txt"
        saved = self._box.run(["/bin/sh", "-c", _SAVE_SCRIPT, "sh", path], stdin=command.full_output())
        return (
            f"the whole output is in {path}: search it there"
            if saved.passed
            else "the rest could not be saved"
        )

    def _patch(self, request: PatchCall) -> ToolResult:
        self._log.line("command", "apply_patch")
        try:
            edits = apply_patch.apply(
                apply_patch.parse(files.encodable(request.text)), lambda path: files.read(self._box, path)
            )
            files.write(self._box, edits)
        except PatchError as error:
            raise PatchError(f"The patch was not applied: {files.encodable(str(error))}") from error
        changes = "\n".join((*edits.summary, *edits.notes))
        self._log.line("output", request.text)
        self._log.line("result", f"patched: {', '.join(edits.summary)}")
        return ToolResult(f"Success. Updated the following files:\n{changes}", passed=True, touched=True)

    def _plan(self, request: PlanCall) -> ToolResult:
        steps = [f"{_STEP_MARKS[status]} {step}" for step, status in request.steps]
        self._log.line("plan", "\n".join([request.explanation, *steps] if request.explanation else steps))
        return ToolResult("Plan updated.", passed=True)

    def _view_image(self, request: ViewImageCall) -> ToolResult:
        """Show an image. Every model gets the same tools, so one that cannot see images is told here."""
        if not self._supports_images():
            raise InvalidCall(
                "You cannot be shown images. Use commands to find out what you need to know about it."
            )
        path = apply_patch.repository_path(request.path)
        raw = files.read_bytes(self._box, path)
        if raw is None:
            raise InvalidCall(f"There is no file {path}.")
        image = detect_image(raw)
        if image is None:
            raise InvalidCall(f"{path} is not a complete PNG, JPEG, GIF or WebP image.")
        if len(raw) > MAX_IMAGE_BYTES or self._image_bytes + len(raw) > MAX_TOTAL_IMAGE_BYTES:
            raise InvalidCall(
                f"{path} has {len(raw)} bytes. The limit is {MAX_IMAGE_BYTES} for one image, and "
                f"{MAX_TOTAL_IMAGE_BYTES - self._image_bytes} are left in total. Make it smaller with a command if you can."
            )
        self._image_bytes += len(raw)
        self._log.line("command", f"view_image {path}")
        return ToolResult(f"{path}: {image.kind}, {len(raw)} bytes", passed=True, image=image.url)

    def _finish(self, solution: Solution, *, alone: bool) -> ToolResult:
        if not alone:
            raise InvalidCall(
                "finish was not accepted: call it alone, after you have read the results of your other calls."
            )
        self.close()
        errors = [error for citation in solution.citations if (error := citation_error(self._box, citation))]
        if errors:
            raise InvalidCall(f"finish was not accepted: {'; '.join(errors)}.")
        if offences := self._find_offences():
            raise InvalidCall(offences)
        self._log.line("result", f"finished: {solution.title}")
        return ToolResult("Accepted.", passed=True, solution=solution)
