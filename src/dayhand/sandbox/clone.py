"""A commit in a box: cloned from a bundle, or made from another one by what differs.

Everything here is a program that runs inside the box. The host only sends bytes.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import IO

from dayhand.box_paths import BUILD_CACHE
from dayhand.errors import SandboxError
from dayhand.sandbox.base import Box, CommandLimits

CHECK_OUT_SECONDS = 300.0
PATCH_BYTES = 128 * 1024
QUOTED = re.compile(rb'[\x00-\x1f"\\\x7f]')
QUOTES = {
    bytes([character]): bytes([ord("\\"), letter])
    for character, letter in zip(b'\a\b\t\n\v\f\r"\\', b'abtnvfr"\\', strict=True)
}

# Remove a repository in the current folder, but not the build cache inside it.
_CACHE_NAME = BUILD_CACHE.rpartition("/")[2]
REMOVE_GIT = f"""
if [ ! -e .git ] && [ ! -L .git ]; then :
elif [ -L .git ] || [ ! -d .git/{_CACHE_NAME} ]; then rm -rf .git
else find .git -mindepth 1 -maxdepth 1 ! -name {_CACHE_NAME} -exec rm -rf {{}} +
fi
"""

# Untracked files that set-up created and the repository does not ignore (an egg-info folder, for example) are not part
# of the change, so they are excluded before the work begins.
_LIST_UNTRACKED = """
list_untracked() {
  git ls-files --others --exclude-standard --directory | sed -e 's/[][\\\\*?#!]/\\\\&/g' -e 's,^,/,' >> .git/info/exclude
}
"""

# Each program that is started here counts: a task checks out some six times. So the repository is laid out as `git init`
# does it (gitrepository-layout(5)), and the bundle is read by the shell: a line for each ref, an empty one, and a pack
# (gitformat-bundle(5)). It is ours and complete, so `git fetch`, which walks its whole history once more, has no part in it.
_CHECK_OUT = f"""{_LIST_UNTRACKED}
set -e
[ -d "/workspace/$FOLDER" ] || mkdir -p "/workspace/$FOLDER"
cd "/workspace/$FOLDER"
{REMOVE_GIT}
untracked=
for path in * .[!.]* ..?*; do
  [ "$path" = .git ] || [ ! -e "$path" ] && [ ! -L "$path" ] || {{ untracked=1; break; }}
done
mkdir -p .git/info .git/objects .git/refs
printf 'ref: refs/heads/%s\\n' "$BRANCH" > .git/HEAD
printf '%s' "$CONFIG" > .git/config
read -r version
while read -r object name && [ -n "$object" ]; do
  case $name in
    "$REF") printf '%s refs/dayhand/base\\n' "$object";;
    refs/tags/*|refs/replace/*) printf '%s %s\\n' "$object" "$name";;
  esac
done > .git/packed-refs
git index-pack --stdin --fix-thin > /dev/null
git reset -q --hard "$COMMIT"
[ -z "$FOLDER" ] || : > .git/dayhand-submodule
[ -z "$untracked" ] || list_untracked
"""

# How git sees a Git LFS file whose content is there: as its pointer, which is what the repository has.
_LFS = """\
f=$(mktemp) && cat > "$f" && if head -n 1 "$f" | grep -qaxF 'version https://git-lfs.github.com/spec/v1'; then cat "$f"
else printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:%s\\nsize %s\\n' \
"$(sha256sum < "$f" | cut -c 1-64)" "$(wc -c < "$f" | tr -d ' ')"; fi && rm -f "$f"\
"""

_CONFIG = """\
[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = false
\tlogallrefupdates = true
[user]
\tname = Dayhand
\temail = dayhand@localhost
[gc]
\tauto = 0
[filter "lfs"]
\tclean = "{clean}"
""".format(clean=_LFS.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n"))

# Other rules for line ends may change every file, and other rules for what is ignored the list of what set-up left.
_MOVE = f"""{_LIST_UNTRACKED}
set -e
git index-pack --stdin --fix-thin > /dev/null
changed() {{ [ -n "$(git diff-tree -r --name-only "$SINCE" "$COMMIT" -- ":(glob)**/$1")" ]; }}
git read-tree -u --reset "$SINCE" "$COMMIT"
git update-ref HEAD "$COMMIT"
if changed .gitattributes; then git read-tree --empty; git reset -q --hard; fi
if changed .gitignore; then list_untracked; fi
"""

# Everything in a submodule that differs from its commit, committed or not.
_SUBMODULE_PATCH = """
cd "/workspace/$FOLDER" || exit 1
git add -A --ignore-errors 2> .git/errors
git diff --cached --no-color --no-ext-diff --no-textconv "$COMMIT"
"""

# All tags, and the name of the base commit.
_REPLACE_REFS = """
set -e
git for-each-ref --format='delete %(refname)' refs/tags | git update-ref --stdin
{
  printf 'update refs/dayhand/base %s\\n' "$COMMIT"
  sed 's/^\\([0-9a-f]*\\) \\(refs\\/tags\\/.*\\)$/update \\2 \\1/'
} | git update-ref --stdin
"""


def check_out(box: Box, bundle: Path, *, ref: str, commit: str, branch: str, folder: str = "") -> None:
    """Check ``commit`` out into the box's workspace or a ``folder`` of it (a submodule), on a new ``branch``.

    ``bundle`` is a file on the host that contains ``ref``. Raises ``SandboxError`` if git fails.
    """
    env = {"REF": ref, "COMMIT": commit, "BRANCH": branch, "FOLDER": folder, "CONFIG": _CONFIG}
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


def unpack(box: Box, archive: IO[bytes]) -> None:
    """Unpack a tar archive of files into the workspace. Raises ``SandboxError``."""
    limits = CommandLimits(seconds=CHECK_OUT_SECONDS)
    result = box.run(["tar", "-x", "-f", "-"], stdin=archive, limits=limits)
    if not result.passed:
        raise SandboxError(f"The Git LFS files could not be put into the sandbox: {result.text()[-500:]}")


def submodule_patch(box: Box, folder: str, commit: str) -> str:
    """What changed in a submodule, as a patch for people; the beginning and the end of a long one."""
    limits = CommandLimits(keep_bytes=PATCH_BYTES)
    env = {"FOLDER": folder, "COMMIT": object_id(commit)}
    return box.run(["/bin/sh", "-c", _SUBMODULE_PATCH], env=env, limits=limits).text().strip()


def move(box: Box, pack: bytes, *, commit: str, since: str) -> None:
    """Turn the work tree of ``since`` into that of ``commit``, whose objects are in ``pack``. Raises ``SandboxError``."""
    limits, env = (
        CommandLimits(seconds=CHECK_OUT_SECONDS),
        {"COMMIT": object_id(commit), "SINCE": object_id(since)},
    )
    result = box.run(["/bin/sh", "-c", _MOVE], env=env, stdin=pack, limits=limits)
    if not result.passed:
        raise SandboxError(
            f"The change could not be checked out in the sandbox ({result.reason}): {result.text()[-500:]}"
        )


def replace_refs(box: Box, commit: str, tags: bytes) -> None:
    """Make ``tags`` the box's only ones: lines with an object's id and the name of its ref. Raises ``SandboxError``."""
    env = {"COMMIT": object_id(commit)}
    result = box.run(["/bin/sh", "-c", _REPLACE_REFS], env=env, stdin=tags)
    if not result.passed:
        raise SandboxError(f"The tags could not be put into the sandbox: {result.text()[-500:]}")


def object_id(text: str) -> str:
    """The id of a git object that a box named. Raises ``SandboxError`` if it is none."""
    if not re.fullmatch(r"[0-9a-f]{40}", text):
        raise SandboxError(f"The sandbox returned “{text[:60]}” instead of a git object id.")
    return text


def quoted(path: bytes) -> bytes:
    r"""A path as git prints it with ``core.quotePath=false``, and reads it: in C quotes where a character needs them.

    >>> quoted(b'caf\xc3\xa9'), quoted(b'a\n"b"')
    (b'caf\xc3\xa9', b'"a\\n\\"b\\""')
    """
    inner = QUOTED.sub(lambda found: QUOTES.get(found[0], b"\\%03o" % ord(found[0])), path)
    return path if inner == path else b'"' + inner + b'"'
