"""The repository's work tree inside a box: filled from a bundle, given out as one pack, restored from one.

Everything here is a program that runs inside the box. The host sends bytes and receives bytes.
"""

from __future__ import annotations

import re
from pathlib import Path

from dayhand.box_paths import WORKSPACE
from dayhand.errors import SandboxError
from dayhand.sandbox.base import Box, CommandLimits

PACK_BYTES = 50 * 1024 * 1024
FILL_SECONDS = 300.0

# What set-up left in the work tree without the repository ignoring it (an egg-info folder, say) is none of the
# change, so it is excluded for good before anybody works here.
_FILL = """
set -e
cd /workspace
rm -rf .git
git init -q --template= -b "$BRANCH"
printf '[user]\n\tname = "%s"\n\temail = "%s"\n[gc]\n\tauto = 0\n' "$NAME" "$EMAIL" >> .git/config
mkdir -p .git/info
cat > .git/base.bundle
git fetch -q .git/base.bundle "+$REF:refs/dayhand/base"
rm .git/base.bundle
git reset -q --hard "$COMMIT"
git ls-files --others --exclude-standard --directory | sed -e 's/[][\\\\*?#!]/\\\\&/g' -e 's,^,/,' >> .git/info/exclude
"""

# It has an index of its own: whoever works here goes on seeing the change in ``git diff``. With the other's time: git
# reads those files again that were written in the same second as their index, and takes the rest for unchanged
# where size and time are the same (https://git-scm.com/docs/racy-git).
_EXPORT = """
set -e
cd /workspace
rm -f .git/index.export
[ ! -f .git/index ] || cp -p .git/index .git/index.export
export GIT_INDEX_FILE=.git/index.export
git add -A
tree=$(git write-tree)
commit=$(git commit-tree "$tree" -p "$BASE" -m export)
printf '%s\\n' "$tree"
printf '%s\\n^%s\\n' "$commit" "$BASE" | git pack-objects --revs --thin --stdout -q
"""

_RESTORE = """
set -e
cd /workspace
git index-pack --stdin --fix-thin > /dev/null
git read-tree -u --reset "$TREE"
git reset -q
"""

_IDENTITY = {"NAME": "Dayhand", "EMAIL": "dayhand@localhost"}
_AUTHOR = {
    "GIT_AUTHOR_NAME": "Dayhand",
    "GIT_AUTHOR_EMAIL": "dayhand@localhost",
    "GIT_COMMITTER_NAME": "Dayhand",
    "GIT_COMMITTER_EMAIL": "dayhand@localhost",
}


def fill(box: Box, bundle: Path, *, ref: str, commit: str, branch: str) -> None:
    """Put ``commit`` into the box's workspace as a git work tree on ``branch``.

    ``bundle`` is a host-owned file that holds ``ref``. Raises ``SandboxError`` where git cannot do it.
    """
    env = {"REF": ref, "COMMIT": commit, "BRANCH": branch, **_IDENTITY}
    with bundle.open("rb") as stream:
        result = box.run(
            ["/bin/sh", "-c", _FILL], env=env, stdin=stream, limits=CommandLimits(seconds=FILL_SECONDS)
        )
    if not result.passed:
        raise SandboxError(
            f"The repository could not be unpacked in the sandbox ({result.reason}): {result.text()[-500:]}"
        )


def export(box: Box, base: str) -> tuple[str, bytes]:
    """Give the work tree's git tree id and a thin pack of what ``base`` (a commit) does not have.

    Both come from inside the box: whoever takes them in checks them. Raises ``SandboxError``.
    """
    raw = box.pour(["/bin/sh", "-c", f"BASE={_sha(base)}\n{_EXPORT}"], most=PACK_BYTES)
    head, _, pack = raw.partition(b"\n")
    return _sha(head.decode("ascii", "replace")), pack


def restore(box: Box, tree: str, pack: bytes) -> None:
    """Make the work tree what ``export`` gave out as ``tree`` and ``pack``. Raises ``SandboxError``."""
    result = box.run(["/bin/sh", "-c", _RESTORE], cwd=WORKSPACE, env={"TREE": _sha(tree)}, stdin=pack)
    if not result.passed:
        raise SandboxError(f"A checkpoint could not be restored: {result.text()[-500:]}")


def _sha(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{40}", text):
        raise SandboxError(f"The sandbox gave “{text[:60]}” where a git object id belongs.")
    return text
