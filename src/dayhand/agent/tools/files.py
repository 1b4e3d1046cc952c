"""The repository's files, read and written by programs inside the box: no path of it is opened on the host."""

from __future__ import annotations

from dayhand.agent.tools.apply_patch import Edits, PatchError
from dayhand.errors import SandboxError
from dayhand.sandbox.base import Box

FILE_BYTES = 4 * 1024 * 1024

# The first byte says what is there: a symlink on the way, a directory, nothing, something too big, or a file.
_READ = f"""
p=./$1; d=$p
while [ "$d" != . ]; do if [ -L "$d" ]; then printf L; exit; fi; d=$(dirname -- "$d"); done
if [ -d "$p" ]; then printf D
elif [ ! -e "$p" ]; then printf N
elif [ ! -f "$p" ]; then printf S
elif [ "$(wc -c < "$p")" -gt {FILE_BYTES} ]; then printf B
elif [ ! -r "$p" ]; then printf P
else printf F; cat -- "$p"; fi
"""
_WRITE = 'mkdir -p -- "$(dirname -- "./$1")" && { [ -z "$2" ] || mv -- "./$2" "./$1"; } && cat > "./$1"'
_REFUSED = {
    "L": "goes through a symbolic link: patch the file that it points to",
    "D": "is a directory",
    "P": "may not be read",
    "S": "is neither a file nor a directory",
    "B": f"is larger than {FILE_BYTES // 1024 // 1024} MiB: use a command",
}


def read(box: Box, path: str) -> str | None:
    """A file's text, undecodable bytes kept as surrogates; None where there is none. Raises ``PatchError``."""
    raw = read_bytes(box, path)
    return None if raw is None else raw.decode("utf-8", "surrogateescape")


def read_bytes(box: Box, path: str) -> bytes | None:
    """A plain file's bytes; None where there is none. Raises ``PatchError``."""
    raw = box.check_output(["/bin/sh", "-c", _READ, "sh", path], max_bytes=FILE_BYTES + 1)
    kind = raw[:1].decode("ascii", "replace")
    if kind == "N":
        return None
    if kind != "F":
        raise PatchError(f"{path} {_REFUSED.get(kind, 'cannot be read')}.")
    return raw[1:]


def write(box: Box, edits: Edits) -> None:
    """Put edits into the box. Raises ``PatchError`` naming the file that could not be written, and those that were."""
    done: list[str] = []
    for path, text in edits.writes.items():
        raw = text.encode("utf-8", "surrogateescape")
        result = box.run(["/bin/sh", "-c", _WRITE, "sh", path, edits.moves.get(path, "")], stdin=raw)
        if not result.passed:
            so_far = f" Written before: {', '.join(done)}." if done else " Nothing was written."
            raise PatchError(f"{path} could not be written: {result.text().strip()[-300:]}.{so_far}")
        done.append(path)
    gone = [f"./{path}" for path in edits.deletes if path not in edits.moves.values()]
    if gone and not (result := box.run(["rm", "-f", "--", *gone])).passed:
        raise PatchError(f"files could not be deleted: {result.text().strip()[-300:]}.")


def origin(box: Box) -> tuple[str, str]:
    """The commit that the work tree stands on, and its tree. Raises ``SandboxError`` where it is no git work tree."""
    raw = box.check_output(["git", "rev-parse", "HEAD^{commit}", "HEAD^{tree}"], max_bytes=200)
    commit, tree = raw.decode("ascii", "replace").split()
    return commit, tree


def alive(box: Box) -> bool:
    """Whether the box still runs commands."""
    try:
        return box.check_output(["/bin/sh", "-c", "printf ok"], max_bytes=10) == b"ok"
    except SandboxError:
        return False
