"""Reads and writes the repository's files with programs inside the box: the host never opens a path in it."""

from __future__ import annotations

from dayhand.agent.tools.apply_patch import Edits, PatchError
from dayhand.sandbox.base import Box

MAX_FILE_BYTES = 4 * 1024 * 1024

# The first byte of the output says what the path is; see _ERRORS.
_READ_SCRIPT = f"""
p=./$1; d=$p
while [ "$d" != . ]; do if [ -L "$d" ]; then printf L; exit; fi; d=${{d%/*}}; done
if [ -d "$p" ]; then printf D
elif [ ! -e "$p" ]; then printf N
elif [ ! -f "$p" ]; then printf S
elif [ ! -r "$p" ]; then printf P
else printf F; head -c {MAX_FILE_BYTES + 1} < "$p"; fi
"""
_WRITE_SCRIPT = """
p=./$1; d=${p%/*}
{ [ -d "$d" ] || mkdir -p -- "$d"; } && { [ -z "$2" ] || mv -- "./$2" "$p"; } && cat > "$p"
"""
_ERRORS = {
    "L": "goes through a symbolic link: patch the file that it points to",
    "D": "is a directory",
    "P": "cannot be read: permission denied",
    "S": "is neither a file nor a directory",
    "B": f"is larger than {MAX_FILE_BYTES // 1024 // 1024} MiB: use a command",
}


def read(box: Box, path: str) -> str | None:
    """A file's text, with undecodable bytes as surrogates; None if it does not exist. Raises ``PatchError``."""
    raw = read_bytes(box, path)
    return None if raw is None else raw.decode("utf-8", "surrogateescape")


def read_bytes(box: Box, path: str) -> bytes | None:
    """A regular file's bytes; None if it does not exist. Raises ``PatchError``."""
    raw = box.check_output(["/bin/sh", "-c", _READ_SCRIPT, "sh", path], max_bytes=MAX_FILE_BYTES + 2)
    kind = raw[:1].decode("ascii", "replace") if len(raw) <= MAX_FILE_BYTES + 1 else "B"
    if kind == "N":
        return None
    if kind != "F":
        raise PatchError(f"{path} {_ERRORS.get(kind, 'cannot be read')}.")
    return raw[1:]


def write(box: Box, edits: Edits) -> None:
    """Write edits in the box. Raises ``PatchError`` that names the file that failed and the files already written."""
    done: list[str] = []
    for path, text in edits.writes.items():
        raw = text.encode("utf-8", "surrogateescape")
        result = box.run(["/bin/sh", "-c", _WRITE_SCRIPT, "sh", path, edits.moves.get(path, "")], stdin=raw)
        if not result.passed:
            so_far = f" Already written: {', '.join(done)}." if done else " Nothing was written."
            raise PatchError(f"{path} could not be written: {result.text().strip()[-300:]}.{so_far}")
        done.append(path)
    deleted = [f"./{path}" for path in edits.deletes if path not in edits.moves.values()]
    if deleted and not (result := box.run(["rm", "-f", "--", *deleted])).passed:
        raise PatchError(f"files could not be deleted: {result.text().strip()[-300:]}.")


def encodable(text: str) -> str:
    """The text with lone surrogates replaced: they cannot be sent to the model."""
    return text.encode("utf-8", "replace").decode("utf-8")
