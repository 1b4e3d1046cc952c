"""The projects of a repository that a change touches, and whose change no test verifies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dayhand.environment.ecosystems.base import Check
from dayhand.file_kinds import belongs_to_tests, is_documentation, is_source
from dayhand.verification import Finding, Gap, Unverified, Verdict
from dayhand.verify.trees import Trees

MAX_NAMES = 3  # of tests, in a gap
TOP = ""  # the folder of the project at the top


def project_of(path: str, checks: Iterable[Check]) -> str:
    """The folder of the innermost project with checks that holds a file."""
    folders = [check.folder for check in checks if covers(check.folder, path)]
    return max(folders, key=len, default=TOP)


def covers(folder: str, path: str) -> bool:
    """Whether a file or folder is in the project of ``folder``; everything is in the one at the top."""
    return folder == TOP or f"{path}/".startswith(f"{folder}/")


def touched_projects(trees: Trees, checks: tuple[Check, ...]) -> tuple[str, ...]:
    """The projects whose source a change touches; those of its prose and settings if it touches no source."""
    paths = tuple(filter(is_source, trees.source)) or trees.source
    return tuple(dict.fromkeys(project_of(path, checks) for path in paths))


def source_of(folder: str, trees: Trees, checks: tuple[Check, ...]) -> tuple[str, ...]:
    """The changed source of one project."""
    return tuple(path for path in trees.source if is_source(path) and project_of(path, checks) == folder)


def find_gaps(trees: Trees, checks: tuple[Check, ...], findings: tuple[Finding, ...]) -> tuple[Gap, ...]:
    """What no test verifies. Success is proof: a gap needs no failure, only the lack of a test that notices the change."""
    tests = [
        (check, finding) for check, finding in zip(checks, findings, strict=True) if check.kind == "test"
    ]
    gaps = (*_gaps(touched_projects(trees, checks), tests), *_no_longer_run(tests))
    if not any(map(is_source, trees.source)) and (gaps or not trees.source):
        return (Gap(_nothing_to_verify(trees)),)
    return gaps


def _gaps(touched: tuple[str, ...], tests: list[tuple[Check, Finding]]) -> Iterator[Gap]:
    for folder in touched:
        covering = [finding for check, finding in tests if covers(check.folder, folder)]
        if not any(folder in finding.proves for finding in covering):
            yield _gap(folder, covering)


def _no_longer_run(tests: list[tuple[Check, Finding]]) -> Iterator[Gap]:
    """Tests that the change keeps from running, without an edit of them, are no proof that it breaks nothing."""
    for check, finding in tests:
        if names := finding.no_longer_run:
            more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
            yield Gap(Unverified.NO_LONGER_RUN, check.folder, ", ".join(names[:MAX_NAMES]) + more)


def _gap(folder: str, covering: list[Finding]) -> Gap:
    reasons = (
        (Verdict.DOES_NOT_TEST, Unverified.NOT_NOTICED),
        (Verdict.FLAKY, Unverified.FLAKY),
        (Verdict.FAILS_ON_BASE_TOO, Unverified.FAILED_BEFORE),
        (Verdict.CANNOT_RUN, Unverified.CANNOT_RUN),
    )
    for verdict, reason in reasons:
        for finding in covering:
            if finding.verdict is verdict:
                return Gap(reason, folder, finding.missing or finding.note)
    return Gap(Unverified.NOT_NOTICED if covering else Unverified.NO_TESTS, folder)


def _nothing_to_verify(trees: Trees) -> Unverified:
    if any(map(belongs_to_tests, trees.paths)):
        return Unverified.ONLY_TESTS
    prose = all(map(is_documentation, trees.paths))
    return Unverified.ONLY_DOCUMENTATION if prose else Unverified.ONLY_CONFIGURATION
