"""What `dayhand run` prints at its end: the conclusion first, then its evidence, the diff and what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import field

from dayhand.errors import ExitCode
from dayhand.publish.base import ProposedChange
from dayhand.publish.wording.cost import spent
from dayhand.publish.wording.evidence import last_line
from dayhand.publish.wording.held_back import NOTHING_PUSHED
from dayhand.publish.wording.limits import note
from dayhand.publish.wording.notes import too_large
from dayhand.publish.wording.verification import headline
from dayhand.startup.records import dataclass
from dayhand.task import HeldBack, LeftOut, Proof, Solution
from dayhand.usage import Usage
from dayhand.verification import Remark, Status, Verdict, Verification

MAX_DIFF_LINES = 120
MAX_ITEMS = 15  # of one remark
CONCLUSIONS = {
    ExitCode.OK: "verified",
    ExitCode.NEW_FAILURES: "new failures",
    ExitCode.NOT_VERIFIED: "not verified",
    ExitCode.HELD: "held for a person",
}
CODES = {
    Status.SUCCESS: ExitCode.OK,
    Status.FAILURE: ExitCode.NEW_FAILURES,
    Status.NEUTRAL: ExitCode.NOT_VERIFIED,
    Status.ACTION_REQUIRED: ExitCode.HELD,
}
NO_CHANGE = "No file was changed, so there was nothing to verify."


@dataclass(frozen=True, slots=True)
class LocalRun:
    """What came of a run."""

    solution: Solution
    seconds: float
    stages: Mapping[str, float]  # seconds by stage
    proofs: tuple[Proof, ...] = ()
    proposed: ProposedChange | None = None  # None: no file was changed
    branch: str = ""  # in the person's repository
    base: str = ""  # the commit that the branch starts from
    onto: str = ""  # the branch that was checked out; "" if there was none
    left_out: tuple[LeftOut, ...] = field(default=())

    @property
    def code(self) -> ExitCode:
        if self.proposed is None:
            return ExitCode.NOT_VERIFIED
        return CODES[self.proposed.verification.conclusion.status]

    @property
    def why(self) -> str:
        """The conclusion in a sentence, and the tests that fail."""
        if self.proposed is None:
            return NO_CHANGE
        failing = self.failing
        tests = f": {', '.join(failing[:10])}{' …' if len(failing) > 10 else ''}" if failing else ""
        return f"{headline(self.proposed.verification)}{tests}"

    @property
    def failing(self) -> tuple[str, ...]:
        """The tests that fail now and did not before; the commands where single tests are not known."""
        findings = self.proposed.verification.findings if self.proposed else ()
        new = [finding for finding in findings if finding.verdict is Verdict.NEW_FAILURE]
        return tuple(name for finding in new for name in finding.failing or (finding.command,))


def report(run: LocalRun) -> str:
    """The report for a terminal."""
    verdict = CONCLUSIONS[run.code].capitalize()
    return "\n".join(
        ["", f"{verdict}: {run.why}.".replace("..", "."), *(_change(run) if run.proposed else _answer(run))]
    )


def _answer(run: LocalRun) -> Iterator[str]:
    yield "The model says:"
    yield from _quoted(run.solution.summary)
    for proof in run.proofs:
        mark = "✓" if proof.found else "✗ not confirmed:"
        yield f"  {mark} {proof.citation.path}:{proof.citation.line}: {proof.text.strip()}"
    if limit := note(run.solution.limit_hit):
        yield limit
    yield from _left_out(run.left_out)
    yield from _bill(run)


def _change(run: LocalRun) -> Iterator[str]:
    proposed = run.proposed
    if proposed is None:
        return
    yield ""
    yield run.solution.title
    yield "The model says:"
    yield from _quoted(run.solution.summary)
    yield ""
    yield from _table(proposed.verification)
    yield from _remarks(proposed)
    yield ""
    yield from _diff(proposed.change.patch)
    yield from _bill(run)
    yield from _held_back(proposed.change.held_back)
    if not proposed.pushed:
        yield NOTHING_PUSHED
        return
    files = len(proposed.change.paths)
    yield f"{files} {'file' if files == 1 else 'files'} changed on the branch {run.branch}."
    branch = shlex.quote(run.branch)
    yield f"Review it: git diff {run.base[:8]} {branch}"
    yield f"Take it:   git merge {branch}" + (f"   (on {run.onto})" if run.onto else "")


def _table(verification: Verification) -> Iterator[str]:
    for finding in verification.findings:
        proof = finding.note or (last_line(finding.head.output) if finding.head else finding.missing)
        yield f"  {finding.kind:6} {finding.command:32} {finding.verdict}: {proof}"
        if finding.red_green and not finding.red_green.proven:
            yield "         The change's own tests also pass without the change, so they prove nothing."
    if not verification.findings:
        yield "  The repository declares no check that could run."


def _remarks(proposed: ProposedChange) -> Iterator[str]:
    verification = proposed.verification
    for switch in proposed.solution.switches:
        yield f"  {switch.model} could not continue, so {switch.successor} took over: {switch.reason}"
    for remark in verification.remarks:
        if not remark.in_headline:
            yield from _remark(remark)
    for one in proposed.blocked:
        yield f"  blocked: {one.host}:{one.port}, requested by {one.command}: {one.reason}"
    if limit := note(verification.limit_hit):
        yield f"  {limit}"
    if verification.scope.too_large:
        yield f"  review its size: {too_large(verification.scope)}"
    for path in verification.scope.unmentioned:
        yield f"  changed, but not mentioned: {path}"
    yield from _left_out(proposed.change.left_out)


def _remark(remark: Remark) -> Iterator[str]:
    yield f"  {' '.join(part for part in (remark.mark, f'{remark.title}.', remark.text) if part)}"
    for item in remark.items[:MAX_ITEMS]:
        yield f"    {': '.join(part for part in (item.kind, item.place, item.name, item.detail) if part)}"
        yield from (f"      {row}" for row in item.wordings.splitlines())
    if len(remark.items) > MAX_ITEMS:
        yield f"    and {len(remark.items) - MAX_ITEMS} more"


def _held_back(held_back: HeldBack | None) -> Iterator[str]:
    """The files that are not on the branch, and their patch for ``git apply``."""
    if held_back:
        for file in held_back.all_files:
            yield f"  held back: {file.path}: {file.kind}"
        yield f"{held_back.patch}{held_back.by_hand_patch}\nIf you agree, apply this patch with git apply."


def _left_out(left_out: tuple[LeftOut, ...]) -> Iterator[str]:
    return (f"  left out: {left.path}: {left.reason}" for left in left_out)


def _diff(patch: str) -> Iterator[str]:
    lines = patch.splitlines()
    yield from lines[:MAX_DIFF_LINES]
    if len(lines) > MAX_DIFF_LINES:
        yield f"… {len(lines) - MAX_DIFF_LINES} more lines"
    yield ""


def _bill(run: LocalRun) -> Iterator[str]:
    usage = run.solution.usage
    stages = ", ".join(f"{name} {seconds:.1f}" for name, seconds in run.stages.items())
    yield f"{spent(usage)}, {tokens(usage)}, {usage.turns} turns. {run.seconds:.1f} s: {stages}."


def tokens(usage: Usage) -> str:
    """How many tokens were read and written."""
    return f"{usage.input_tokens + usage.output_tokens:,} tokens"


def _quoted(text: str) -> Iterator[str]:
    return (f"  {line}".rstrip() for line in text.splitlines())


def as_json(run: LocalRun) -> dict[str, object]:
    """The same as one JSON object."""
    proposed, usage = run.proposed, run.solution.usage
    verification = proposed.verification if proposed else Verification("")
    held_back = proposed.change.held_back if proposed else None
    return {
        "conclusion": CONCLUSIONS[run.code],
        "exit_code": int(run.code),
        "why": run.why,
        "title": run.solution.title if proposed else "",
        "summary": run.solution.summary,
        "branch": run.branch,
        "base": run.base,
        "files": list(proposed.change.paths) if proposed else [],
        "patch": proposed.change.patch if proposed else "",
        "failing": list(run.failing),
        "checks": [
            {"kind": finding.kind, "command": finding.command, "verdict": str(finding.verdict), "note": finding.note or finding.missing}
            for finding in verification.findings
        ],
        "review": [
            {"kind": concern.kind, "path": concern.path, "line": concern.line, "detail": concern.detail}
            for concern in (*verification.concerns, *verification.side_effects)
        ],
        "expectations": [
            {"test": one.test, "path": one.path, "wordings": one.wordings} for one in verification.expectations
        ],
        "not_verified": [
            {"reason": str(gap.reason), "folder": gap.folder, "detail": gap.detail} for gap in verification.gaps
        ],
        "no_longer_run": [name for finding in verification.findings for name in finding.fewer],
        "held_back": [{"path": file.path, "kind": file.kind} for file in held_back.all_files] if held_back else [],
        "held_back_patch": f"{held_back.patch}{held_back.by_hand_patch}" if held_back else "",
        "questions": list(run.solution.questions),
        "model": usage.model,
        "turns": usage.turns,
        "input_tokens": usage.input_tokens,
        "cached_tokens": usage.cached_tokens,
        "output_tokens": usage.output_tokens,
        "dollars": usage.dollars,
        "seconds": round(run.seconds, 3),
        "stages": {name: round(seconds, 3) for name, seconds in run.stages.items()},
    }  # fmt: skip
