"""The repository's work tree inside a box: checked out from a bundle, exported as one pack, restored from one.

Everything here is a program that runs inside the box. The host only sends and receives bytes.
"""

from __future__ import annotations

import re
from pathlib import Path

from dayhand.box_paths import WORKSPACE
from dayhand.errors import SandboxError
from dayhand.sandbox.base import Box, CommandLimits

PACK_BYTES = 50 * 1024 * 1024
CHECK_OUT_SECONDS = 300.0

# Untracked files that set-up created and the repository does not ignore (an egg-info folder, for example) are not part
# of the change, so they are excluded before the work begins.
_CHECK_OUT = """
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

# It uses an index of its own, so that ``git diff`` in the box goes on showing the change. The copy keeps the original's
# modification time: git reads again the files that were written in the same second as their index, and treats other
# files as unchanged if their size and time are the same (https://git-scm.com/docs/racy-git).
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


def check_out(box: Box, bundle: Path, *, ref: str, commit: str, branch: str) -> None:
    """Check ``commit`` out into the box's workspace, on a new ``branch``.

    ``bundle`` is a file on the host that contains ``ref``. Raises ``SandboxError`` if git fails.
    """
    env = {"REF": ref, "COMMIT": commit, "BRANCH": branch, **_IDENTITY}
    with bundle.open("rb") as stream:
        result = box.run(
            ["/bin/sh", "-c", _CHECK_OUT],
            env=env,
            stdin=stream,
            limits=CommandLimits(seconds=CHECK_OUT_SECONDS),
        )
    if not result.passed:
        raise SandboxError(
            f"The repository could not be checked out in the sandbox ({result.reason}): {result.text()[-500:]}"
        )


def export(box: Box, base: str) -> tuple[str, bytes]:
    """Return the work tree's git tree id and a thin pack of the objects that ``base`` (a commit) does not have.

    Both come from inside the box and must be checked before use. Raises ``SandboxError``.
    """
    raw = box.check_output(["/bin/sh", "-c", f"BASE={_sha(base)}\n{_EXPORT}"], max_bytes=PACK_BYTES)
    head, _, pack = raw.partition(b"\n")
    return _sha(head.decode("ascii", "replace")), pack


def restore(box: Box, tree: str, pack: bytes) -> None:
    """Restore the work tree that ``export`` returned as ``tree`` and ``pack``. Raises ``SandboxError``."""
    result = box.run(["/bin/sh", "-c", _RESTORE], cwd=WORKSPACE, env={"TREE": _sha(tree)}, stdin=pack)
    if not result.passed:
        raise SandboxError(f"A checkpoint could not be restored: {result.text()[-500:]}")


def _sha(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{40}", text):
        raise SandboxError(f"The sandbox returned “{text[:60]}” instead of a git object id.")
    return text
