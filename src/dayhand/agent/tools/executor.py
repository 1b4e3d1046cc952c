"""The workbench: does what the model's calls ask for, inside the box, and says what came of it."""

from __future__ import annotations

import math
import posixpath
import re
import zlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Protocol, assert_never

from dayhand.agent.model.base import Call
from dayhand.agent.tools import apply_patch, files
from dayhand.agent.tools.apply_patch import PatchError
from dayhand.agent.tools.background_command import Session
from dayhand.agent.tools.image import PICTURE_BYTES, PICTURES_BYTES, recognise
from dayhand.agent.tools.schema import (
    NAME_CHARS,
    Mistake,
    PatchCall,
    PlanCall,
    PollCall,
    Request,
    ShellCall,
    ViewCall,
    understand,
)
from dayhand.box_paths import WORKSPACE
from dayhand.errors import SandboxError
from dayhand.exit_codes import NOT_EXECUTABLE
from dayhand.sandbox.base import Box, Reason, Result
from dayhand.task import Citation, Solution

GRACE_SECONDS = 60.0  # for a box to end a command that has had its time
COMMAND_CHARS = 100_000  # one argument of a program may have 128 KiB
NEAR = 3  # lines that a citation may be off
KEPT = f"{WORKSPACE}/.git/outputs"  # inside .git: it persists between commands and is no part of the change

_SHELL = f'cd -- "$2" || exit {NOT_EXECUTABLE}; command -v bash >/dev/null 2>&1 && exec bash -c "$1"; exec sh -c "$1"'
_KEEP = 'mkdir -p -- "$(dirname -- "$1")" && cat > "$1"'
_CALM = {
    "CI": "1",
    "GIT_PAGER": "cat",
    "LESS": "-R",
    "NO_COLOR": "1",
    "PAGER": "cat",
    "PIP_PROGRESS_BAR": "off",
    "TERM": "dumb",
    "TQDM_DISABLE": "1",
}
STILL_RUNNING = re.compile(r"Session \d+ is still running, for ")
_GAP = re.compile(r"^(… \d+ bytes cut) …$", re.MULTILINE)
_MARKS = {"pending": "·", "in_progress": "▸", "completed": "✓"}


class LogWriter(Protocol):
    """Where log lines go."""

    def line(self, kind: str, text: str) -> int:
        """Write one entry and give its number."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What came of one call."""

    text: str  # for the model
    passed: bool
    solution: Solution | None = None  # of an accepted ``finish``
    touched: bool = False  # the work tree may differ now
    image: str = ""  # to be looked at, as a data: address


@dataclass(frozen=True, slots=True)
class RunningCommand:
    """A command that was started, and by which call."""

    number: int
    session: Session
    request: ShellCall
    call_id: str


class ToolExecutor:
    """One task's tools, at work in one box."""

    def __init__(
        self,
        box: Box,
        log: LogWriter,
        env: Mapping[str, str],
        *,
        sees: Callable[[], bool] = lambda: True,
        left: Callable[[], float] = lambda: math.inf,
    ) -> None:
        """``sees`` says whether the model can be shown images, as far as is known; ``left``, how many seconds there are."""
        self._box = box
        self._log = log
        self._env = {**_CALM, **env}
        self._sees = sees
        self._left = left
        self._shown = 0  # bytes of images
        self._started: RunningCommand | None = None  # what went on in the background, until its end was told

    @property
    def busy(self) -> bool:
        """Whether a command runs: the box can run nothing else then."""
        return self._started is not None and self._started.session.running

    def tell(self) -> None:
        """Put into the log what a command in the background wrote."""
        if self._started:
            self._started.session.tell()

    def close(self) -> None:
        """End what still runs, and forget it."""
        started, self._started = self._started, None
        if started is None:
            return
        if started.session.running:
            started.session.kill()
            started.session.close()
            self._log.line("result", f"session {started.number} was ended")
        started.session.close()

    def do(self, call: Call, *, alone: bool) -> ToolResult:
        """Do what a call asks for; mistakes come back as text. ``alone``: no other call that acts is in the reply.

        Raises ``SandboxError`` where the box broke.
        """
        before = ""
        try:
            request = understand(call)
            before = self._make_way(request)
            done = self._do(request, call.id, alone=alone)
        except (Mistake, PatchError) as error:
            self._log.line("error", f"{call.name[:NAME_CHARS]}: {error}")
            done = ToolResult(str(error), passed=False)
        return replace(done, text=before + done.text, touched=True) if before else done

    def _do(self, request: Request, call_id: str, *, alone: bool) -> ToolResult:
        match request:
            case ShellCall():
                return self._shell(request, call_id)
            case PollCall():
                return self._poll(request)
            case PatchCall():
                return self._patch(request)
            case PlanCall():
                return self._plan(request)
            case ViewCall():
                return self._view(request)
            case Solution():
                return self._finish(request, alone=alone)
            case _:
                assert_never(request)

    def _make_way(self, request: Request) -> str:
        """See that nothing else is in the box's way, and tell of what ended meanwhile. Raises ``Mistake``."""
        if self._started is None or isinstance(request, PollCall | PlanCall):
            return ""
        if isinstance(request, Solution):
            return ""  # it ends what still runs, once it is accepted
        number = self._started.number
        if self._started.session.running:
            raise Mistake(
                f"Session {number} is still running, and only one command can run at a time: "
                "wait for its end with `session`, or kill it."
            )
        return f"Session {number} has ended meanwhile.\n{self._report().text}\n\n"

    def _shell(self, request: ShellCall, call_id: str) -> ToolResult:
        if len(request.command) > COMMAND_CHARS:
            raise Mistake("The command is too long: write files with apply_patch.")
        if (left := self._left()) <= 0:
            raise Mistake("It was not run: the time for this work is over. Call finish.")
        if left < request.seconds:
            request = replace(request, seconds=left, rest=True)
        workdir = posixpath.join(WORKSPACE, request.workdir)
        self._log.line("command", request.command)
        session = Session(
            self._box,
            ["/bin/sh", "-c", _SHELL, "sh", request.command, workdir],
            env=self._env,
            seconds=request.seconds,
            tell=lambda text: self._log.line("output", text),
        )
        # The same call has the same number, also when a successor does it again.
        self._started = RunningCommand(
            zlib.crc32(call_id.encode()) % 90_000 + 10_000, session, request, call_id
        )
        done = self._await(min(request.patience, request.seconds + GRACE_SECONDS))
        if self._started:
            self._log.line("say", f"It goes on in the background, as session {self._started.number}.")
        return done

    def _poll(self, request: PollCall) -> ToolResult:
        if self._started is None or self._started.number != request.session:
            running = f" Session {self._started.number} is there." if self._started else ""
            raise Mistake(
                f"There is no session {request.session}: its end was told, or it ended with the sandbox "
                f"or the history that it was part of.{running}"
            )
        if request.kill:
            self._started.session.kill()
        return self._await(min(request.seconds, max(0.0, self._left())))

    def _await(self, seconds: float) -> ToolResult:
        """Wait for the command that was started; what interrupts us ends it."""
        assert self._started is not None  # noqa: S101 - both callers have seen to it
        session = self._started.session
        with ExitStack() as interrupted:
            interrupted.callback(self.close)
            session.wait(seconds)
            interrupted.pop_all()
        if not session.running:
            return self._report()
        text = (
            f"Session {self._started.number} is still running, for {session.seconds:.0f} s so far.\nOutput:\n"
        )
        return ToolResult(f"{text}{session.fresh()}", passed=True)

    def _report(self) -> ToolResult:
        """What came of the command that was started, now that it has ended."""
        assert self._started is not None  # noqa: S101 - its callers have seen to it
        started, self._started = self._started, None
        session = started.session
        with ExitStack() as after:
            after.callback(session.close)
            result = session.result()
            if result.reason is Reason.LOST:
                raise SandboxError("The sandbox broke while a command ran in it.")
            fresh, where = session.fresh(), ""
            if session.shortened:
                where = self._keep(session, started.call_id)
            session.close(result, _pointed(result.text(), where))
        ended = _ended(result, started.request)
        self._log.line("result", f"{ended} · {result.seconds:.1f} s")
        shown = _pointed(fresh, where)
        text = f"Exit code: {result.code}\nWall time: {result.seconds:.1f} seconds\nOutput:\n{shown}"
        if result.reason is not Reason.EXIT:
            text = f"{ended}.\n{text}"
        return ToolResult(text, passed=result.passed, touched=True)

    def _keep(self, session: Session, call_id: str) -> str:
        """Put the whole output into a file in the box, never another call's, even after a resume; say where."""
        path = f"{KEPT}/{re.sub(r'[^A-Za-z0-9_-]', '', call_id)[-40:]}.txt"
        kept = self._box.run(["/bin/sh", "-c", _KEEP, "sh", path], stdin=session.whole())
        return f"the whole output is in {path}: search it there" if kept.passed else "the rest was not kept"

    def _patch(self, request: PatchCall) -> ToolResult:
        self._log.line("command", "apply_patch")
        try:
            edits = apply_patch.apply(
                apply_patch.parse(_sound(request.text)), lambda path: files.read(self._box, path)
            )
            files.write(self._box, edits)
        except PatchError as error:
            raise PatchError(f"The patch was not applied: {_sound(str(error))}") from error
        listed = "\n".join((*edits.summary, *edits.notes))
        self._log.line("output", request.text)
        self._log.line("result", f"patched: {', '.join(edits.summary)}")
        return ToolResult(f"Success. Updated the following files:\n{listed}", passed=True, touched=True)

    def _plan(self, request: PlanCall) -> ToolResult:
        steps = [f"{_MARKS[status]} {step}" for step, status in request.steps]
        self._log.line("plan", "\n".join([request.explanation, *steps] if request.explanation else steps))
        return ToolResult("Plan updated.", passed=True)

    def _view(self, request: ViewCall) -> ToolResult:
        """Show an image; the tools are the same for every model, so one that cannot see is told so here."""
        if not self._sees():
            raise Mistake("You cannot be shown images: find out with commands what you need of it.")
        path = apply_patch.inside(request.path)
        raw = files.read_bytes(self._box, path)
        if raw is None:
            raise Mistake(f"There is no {path}.")
        picture = recognise(raw)
        if picture is None:
            raise Mistake(f"{path} is not a whole PNG, JPEG, GIF or WebP image.")
        if len(raw) > PICTURE_BYTES or self._shown + len(raw) > PICTURES_BYTES:
            raise Mistake(
                f"{path} has {len(raw)} bytes. One image may have {PICTURE_BYTES}, and {PICTURES_BYTES - self._shown} "
                "are left for all: make it smaller with a command, if there is one."
            )
        self._shown += len(raw)
        self._log.line("command", f"view_image {path}")
        return ToolResult(f"{path}: {picture.kind}, {len(raw)} bytes", passed=True, image=picture.url)

    def _finish(self, solution: Solution, *, alone: bool) -> ToolResult:
        if not alone:
            raise Mistake(
                "finish was not accepted: call it alone, after you have read the results of your other calls."
            )
        self.close()
        wrong = [said for citation in solution.citations if (said := self._misquoted(citation))]
        if wrong:
            raise Mistake(f"finish was not accepted: {'; '.join(wrong)}.")
        self._log.line("result", f"finished: {solution.title}")
        return ToolResult("Accepted.", passed=True, solution=solution)

    def _misquoted(self, citation: Citation) -> str:
        """Say what is wrong with a citation, looked up in the work tree; "" where it is right."""
        where = f"{citation.path}:{citation.line}"
        try:
            text = files.read(self._box, apply_patch.inside(citation.path))
        except PatchError as error:
            return f"the citation {where} cannot be looked up: {error}"
        if text is None:
            return f"the citation {where} names a file that is not there"
        lines = text.splitlines()
        if citation.line > len(lines):
            return f"the citation {where} is past the end of the file, which has {len(lines)} lines"
        quote = " ".join(citation.quote.split())
        hits = [n for n, line in enumerate(lines, start=1) if quote in " ".join(line.split())]
        if any(abs(n - citation.line) <= NEAR for n in hits):
            return ""
        stands = f"that line is “{_sound(lines[citation.line - 1].strip()[:200])}”"
        if hits:
            return f"the quote for {where} stands at line {min(hits, key=lambda n: abs(n - citation.line))}; {stands}"
        return f"the quote for {where} is not a line of the file; {stands} (quote one line)"


def _ended(result: Result, request: ShellCall) -> str:
    match result.reason:
        case Reason.EXIT:
            return f"exit {result.code}"
        case Reason.TIMEOUT if request.rest:
            return f"stopped after {request.seconds:.0f} s: the time for this work is over"
        case Reason.TIMEOUT:
            return f"stopped after {request.seconds:.0f} s, its time limit (timeout_ms goes up to 900000)"
        case Reason.FLOOD:
            return "stopped because it wrote too much"
        case Reason.OOM:
            return "stopped because it wanted too much memory"
        case Reason.CANCELLED:
            return "killed before it ended"
        case Reason.LOST:
            return "lost with the sandbox"
        case _:
            assert_never(result.reason)


def _pointed(text: str, where: str) -> str:
    """An output that says, where it is cut, where the whole is; at its end where it was cut before."""
    if not where:
        return text
    pointed = _GAP.sub(lambda gap: f"{gap[1]}: {where} …", text, count=1)
    return pointed if pointed != text else f"{text}\n({where})"


def _sound(text: str) -> str:
    """Without halves of characters, which cannot be sent on."""
    return text.encode("utf-8", "replace").decode("utf-8")
