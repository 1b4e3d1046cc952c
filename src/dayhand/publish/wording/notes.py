"""The notes below the verification table: single tests, weakened checks, side effects, and the scope of the change."""

from __future__ import annotations

from collections.abc import Sequence

from dayhand.publish.markdown.escape import code, fenced
from dayhand.publish.markdown.sanitize import line
from dayhand.publish.wording.single_tests import listed, red_to_green
from dayhand.verification import Concern, FormattingOnly, Remark, RemarkItem, Scope, Verification

MAX_EXPECTATIONS = 10  # shown with their wordings
MAX_CONCERNS = 15  # listed; the task's page has all of them
MAX_FILES = 10
ACCEPTING = "To accept this, comment `@bot accept` here. You need write access."


def notes(verification: Verification, task_url: str) -> str:
    """All notes; "" if there are none."""
    parts = (
        red_to_green(verification, task_url),
        *(_remark(remark) for remark in verification.remarks if not remark.in_headline),
        ACCEPTING if verification.concerns or verification.side_effects else "",
        held_back(verification.held_back),
        size(verification.scope),
        formatting_only(verification.scope.formatting_only),
        unmentioned(verification.scope),
    )
    return "\n\n".join(part for part in parts if part)


def held_back(files: Sequence[Concern]) -> str:
    """The files that are not pushed before a person accepts them; the pull request shows their patch."""
    opening = (
        "✋ **Not pushed, and not part of the results above:** files that CI, developers' machines or coding agents execute. "
        "A person decides about them first:"
    )
    places = [_item(RemarkItem(one.detail, one.path, one.kind)) for one in files[:MAX_CONCERNS]]
    more = (
        [f"- and {len(files) - MAX_CONCERNS} more, on the task's page"] if len(files) > MAX_CONCERNS else []
    )
    return "\n".join([opening, "", *places, *more]) if files else ""


def size(scope: Scope) -> str:
    """For a change over the size limit: how large it is, and what to do."""
    if not scope.too_large:
        return ""
    return (
        f"✋ **This stays a draft:** {too_large(scope)}. To accept it as one change, comment `@bot accept` here, or ask for "
        "smaller steps. The limits are `[limits] lines` and `files` in `.dayhand.toml` on the default branch."
    )


def too_large(scope: Scope) -> str:
    """Half a sentence: "it changes 900 lines (limit: 800)"."""
    exceeded = []
    if 0 < scope.max_lines < scope.lines:
        exceeded.append(f"{scope.lines:,} lines (limit: {scope.max_lines:,})")
    if 0 < scope.max_files < scope.files:
        exceeded.append(f"{scope.files:,} files (limit: {scope.max_files:,})")
    return f"it changes {' and '.join(exceeded)}"


def formatting_only(files: Sequence[FormattingOnly]) -> str:
    """The files in which only formatting changes."""
    if not files:
        return ""
    names = [_formatted(file) for file in files[:MAX_FILES]]
    return (
        f"**Formatting only** (whitespace, line breaks, quotes, import order): {_listed(names, len(files))}."
    )


def unmentioned(scope: Scope) -> str:
    """The changed files that neither the issue nor the summary mentions."""
    if not scope.unmentioned:
        return ""
    if len(scope.unmentioned) >= scope.files:
        return f"**None of the {scope.files} changed files is mentioned** in the issue or the summary."
    names = [code(path) for path in scope.unmentioned[:MAX_FILES]]
    listed = _listed(names, len(scope.unmentioned))
    return f"**Changed, but not mentioned** in the issue or the summary: {listed}."


def _remark(remark: Remark) -> str:
    mark = f"{remark.mark} " if remark.mark else ""
    if not remark.text:
        return f"{mark}**{remark.title}:** {listed([item.name for item in remark.items])}."
    with_wordings = any(item.wordings for item in remark.items)
    shown = MAX_EXPECTATIONS if with_wordings else MAX_CONCERNS
    lines = [_item(item) for item in remark.items[:shown]]
    if len(remark.items) > shown:
        lines.append(f"- and {len(remark.items) - shown} more, on the task's page")
    return "\n\n".join(
        [f"{mark}**{remark.title}.** {remark.text}", ("\n\n" if with_wordings else "\n").join(lines)]
    )


def _item(item: RemarkItem) -> str:
    if item.wordings:
        place = f" in {code(item.place)}" if item.place else ""
        return f"- {code(item.name)}{place}\n\n{fenced(item.wordings, language='diff')}"
    code_parts = (code(part) for part in (item.place, item.name) if part)
    return f"- {': '.join(part for part in (item.kind, *code_parts, line(item.detail)) if part)}"


def _formatted(file: FormattingOnly) -> str:
    if file.ranges == file.total:
        return f"all of {code(file.path)}"
    return f"{file.ranges} of {file.total} places in {code(file.path)}"


def _listed(names: Sequence[str], count: int) -> str:
    more = count - len(names)
    return ", ".join(names) + (f" and {more} more files" if more else "")
