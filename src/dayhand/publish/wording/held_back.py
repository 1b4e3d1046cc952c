"""The files that are not pushed before a person accepts them: their patch, and what to do about them."""

from __future__ import annotations

from dayhand.publish.markdown.escape import code, fenced
from dayhand.task import HeldBack

PATCH_CHARS = 12_000  # shown in a comment; a longer patch is on the task's page only
NOTHING_PUSHED = "Nothing is pushed yet, because all of the change is held back."


def held_back(held: HeldBack | None, *, head: str, branch: str, task_url: str) -> str:
    """A section of the pull request's body; "" if nothing was held back from its ``head``."""
    if held is None:
        return ""
    parts = [
        "### Held back",
        _to_accept(held, head, task_url) if held.files else "",
        _by_hand(held, branch, task_url) if held.by_hand else "",
    ]
    return "\n\n".join(part for part in parts if part)


def _to_accept(held: HeldBack, head: str, task_url: str) -> str:
    files = _counted(len(held.files), "file")
    return (
        f"To add {files} to `{head[:12]}`, comment `@bot accept {head[:12]}`. I then push exactly this patch as one more "
        "commit, and run the checks again. To go on without it, comment `@bot accept`. You need write access. The commit "
        f"id counts until something else is pushed.\n\n{_patch(held.patch, files, f'{task_url}/held-back.patch')}"
    )


def _by_hand(held: HeldBack, branch: str, task_url: str) -> str:
    files, address = _counted(len(held.by_hand), "workflow file"), f"{task_url}/workflows.patch"
    after = " after you accepted the other files" if held.files else ""
    without = "" if held.files else " To go on without it, comment `@bot accept`."
    return (
        f"I cannot push {files}: GitHub lets only people do that.{without} To add the change{after}, save "
        f"[the patch]({address}) as `workflows.patch` and run:\n\n"
        f"```sh\ngit fetch origin && git switch {_word(branch)} && git pull\n"
        f'git apply --index workflows.patch && git commit -m "Change workflows" && git push\n```\n\n'
        f"{_patch(held.by_hand_patch, files, address)}"
    )


def _patch(patch: str, files: str, address: str) -> str:
    """The patch, folded away; only a link if it is long."""
    if len(patch) > PATCH_CHARS:
        return f"[The patch of {files}]({address}) is too long to be shown here."
    summary = f"<summary>The patch of {files} ({_counted(patch.count(chr(10)), 'line')})</summary>"
    return f"<details>\n{summary}\n\n{fenced(patch, PATCH_CHARS, 'diff')}\n\n</details>"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _word(branch: str) -> str:
    """A branch name in a command: our own names need no quotes."""
    return code(branch).strip("` ")
