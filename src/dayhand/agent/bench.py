"""The workbench: does what the model's calls ask for, inside the box, and says what came of it."""

from __future__ import annotations

import posixpath
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Protocol, assert_never

from dayhand.agent import apply_patch, workspace
from dayhand.agent.apply_patch import PatchError
from dayhand.agent.model import Call
from dayhand.agent.tools import Mistake, Patch, Plan, Shell, understand
from dayhand.errors import SandboxError
from dayhand.sandbox.base import WORKSPACE, Box, Limits, Reason, Result
from dayhand.sandbox.live_output import LiveOutput
from dayhand.task import Citation, Solution

SHOWN_BYTES = (
    20_000  # of an output's head, and as much of its tail: what coding models were trained to expect
)
WHOLE_BYTES = 64 * 1024 * 1024
IN_MEMORY = 1024 * 1024
COMMAND_CHARS = 100_000  # one argument of a program may have 128 KiB
NEAR = 3  # lines that a citation may be off
KEPT = f"{WORKSPACE}/.git/outputs"  # inside .git: it persists between commands and is no part of the change

_SHELL = 'cd -- "$2" || exit 126; command -v bash >/dev/null 2>&1 && exec bash -c "$1"; exec sh -c "$1"'
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
_MARKS = {"pending": "·", "in_progress": "▸", "completed": "✓"}


class Teller(Protocol):
    """Where log lines go."""

    def line(self, kind: str, text: str) -> int:
        """Write one entry and give its number."""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of one call."""

    text: str  # for the model
    passed: bool
    solution: Solution | None = None  # of an accepted ``finish``
    touched: bool = False  # the work tree may differ now


class Bench:
    """One task's tools, at work in one box."""

    def __init__(self, box: Box, say: Teller, env: Mapping[str, str]) -> None:
        self._box = box
        self._say = say
        self._env = {**_CALM, **env}

    def do(self, call: Call, *, alone: bool) -> Done:
        """Do what a call asks for; mistakes come back as text. ``alone``: no other call that acts is in the reply.

        Raises ``SandboxError`` where the box broke.
        """
        try:
            request = understand(call)
            match request:
                case Shell():
                    return self._shell(request, call.id)
                case Patch():
                    return self._patch(request)
                case Plan():
                    return self._plan(request)
                case Solution():
                    return self._finish(request, alone=alone)
                case _:
                    assert_never(request)
        except (Mistake, PatchError) as error:
            self._say.line("error", f"{call.name}: {error}")
            return Done(str(error), passed=False)

    def _shell(self, request: Shell, call_id: str) -> Done:
        if len(request.command) > COMMAND_CHARS:
            raise Mistake("The command is too long: write files with apply_patch.")
        workdir = posixpath.join(WORKSPACE, request.workdir)
        self._say.line("command", request.command)
        live = LiveOutput(lambda text: self._say.line("output", text), SHOWN_BYTES)
        with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as whole:
            result = self._box.run(
                ["/bin/sh", "-c", _SHELL, "sh", request.command, workdir],
                env=self._env,
                limits=Limits(request.seconds, WHOLE_BYTES, SHOWN_BYTES),
                on_output=lambda chunk: _into(whole, live, chunk),
                halted=live.tick,
            )
            if result.reason is Reason.LOST:
                raise SandboxError("The sandbox broke while a command ran in it.")
            shown = self._shown(result, whole, call_id)
        ended = _ended(result, request)
        live.finish(result, shown)
        self._say.line("result", f"{ended} · {result.seconds:.1f} s")
        text = f"Exit code: {result.code}\nWall time: {result.seconds:.1f} seconds\nOutput:\n{shown}"
        if result.reason is not Reason.EXIT:
            text = f"{ended}.\n{text}"
        return Done(text, passed=result.passed, touched=True)

    def _shown(self, result: Result, whole: IO[bytes], call_id: str) -> str:
        """The output as the model sees it; where it is cut, the whole goes into a file in the box."""
        if result.size <= len(result.head) + len(result.tail):
            return result.text()
        path = f"{KEPT}/{re.sub(r'[^A-Za-z0-9_-]', '', call_id)[-40:]}.txt"  # never another call's, even after a resume
        whole.seek(0)
        kept = self._box.run(["/bin/sh", "-c", _KEEP, "sh", path], stdin=whole)
        where = f"the whole output is in {path}: search it there" if kept.passed else "the rest was not kept"
        text = result.text()
        gap = f"… {result.size - len(result.head) - len(result.tail)} bytes cut …"
        return text.replace(gap, f"{gap[:-2]}: {where} …", 1)

    def _patch(self, request: Patch) -> Done:
        self._say.line("command", "apply_patch")
        try:
            edits = apply_patch.apply(
                apply_patch.parse(_sound(request.text)), lambda path: workspace.read(self._box, path)
            )
            workspace.write(self._box, edits)
        except PatchError as error:
            raise PatchError(f"The patch was not applied: {_sound(str(error))}") from error
        listed = "\n".join((*edits.summary, *edits.notes))
        self._say.line("output", request.text)
        self._say.line("result", f"patched: {', '.join(edits.summary)}")
        return Done(f"Success. Updated the following files:\n{listed}", passed=True, touched=True)

    def _plan(self, request: Plan) -> Done:
        steps = [f"{_MARKS[status]} {step}" for step, status in request.steps]
        self._say.line("plan", "\n".join([request.explanation, *steps] if request.explanation else steps))
        return Done("Plan updated.", passed=True)

    def _finish(self, solution: Solution, *, alone: bool) -> Done:
        if not alone:
            raise Mistake(
                "finish was not accepted: call it alone, after you have read the results of your other calls."
            )
        wrong = [said for citation in solution.citations if (said := self._misquoted(citation))]
        if wrong:
            raise Mistake(f"finish was not accepted: {'; '.join(wrong)}.")
        self._say.line("result", f"finished: {solution.title}")
        return Done("Accepted.", passed=True, solution=solution)

    def _misquoted(self, citation: Citation) -> str:
        """Say what is wrong with a citation, looked up in the work tree; "" where it is right."""
        where = f"{citation.path}:{citation.line}"
        try:
            text = workspace.read(self._box, apply_patch.inside(citation.path))
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


def _ended(result: Result, request: Shell) -> str:
    match result.reason:
        case Reason.EXIT:
            return f"exit {result.code}"
        case Reason.WALL:
            return f"stopped after {request.seconds:.0f} s, its time limit (timeout_ms goes up to 900000)"
        case Reason.FLOOD:
            return "stopped because it wrote too much"
        case Reason.OOM:
            return "stopped because it wanted too much memory"
        case Reason.HALTED:
            return "stopped before it ended"
        case Reason.LOST:
            return "lost with the sandbox"
        case _:
            assert_never(result.reason)


def _into(whole: IO[bytes], live: LiveOutput, chunk: bytes) -> None:
    whole.write(chunk)
    live.take(chunk)


def _sound(text: str) -> str:
    """Without halves of characters, which cannot be sent on."""
    return text.encode("utf-8", "replace").decode("utf-8")
