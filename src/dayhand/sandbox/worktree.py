"""The repository's work tree inside a box: compared with what was checked out, exported as one pack.

Everything here is a program that runs inside the box. The host only sends and receives bytes.

A change is measured against the bytes that were checked out, not against what git would make of them: ``track`` keeps
these bytes as a tree of their own, written under ``.git/exact`` with no attribute in force. So a file that nobody
touched is never part of a change, whatever ``.gitattributes`` says of its line endings.

Trees are made from another tree and what differs from it, by git-fast-import(1): it reads the folders on the way to a
path, and no index of all files. Lists of paths are lines, as git prints them: with C quotes where a character needs them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field

from dayhand.box_paths import WORKSPACE
from dayhand.errors import SandboxError
from dayhand.sandbox.base import Box
from dayhand.sandbox.clone import CHECK_OUT_SECONDS, object_id, quoted
from dayhand.startup.records import dataclass

PACK_BYTES = 50 * 1024 * 1024
MAX_FILE_BYTES = 5 * 1024 * 1024  # a larger file never leaves a box
MANY_FILES, SMALL_BYTES = 300, 1024 * 1024  # of a change whose pack does not come with its list
LISTING_BYTES = 64 * 1024 * 1024  # about 300,000 changed paths
LISTING_SECONDS = 300.0
NO_BLOB = "0" * 40
DELETED = "000000"
EXACT = ".git/exact"  # in the work tree

# ``exact`` is git with its own index and without attributes: it stores and writes each file's bytes as they are.
# ``apply``: the tree $1 with the changes on standard input, which are lines for git-fast-import(1).
_EXACT = f"""
set -e
cd /workspace
E={EXACT}
export LC_ALL=C
TAB='\t'
exact() {{
  GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_DIR=$E GIT_WORK_TREE=. GIT_OBJECT_DIRECTORY=.git/objects \\
    git -c core.quotePath=false "$@"
}}
apply() {{
  {{
    printf 'commit refs/heads/applied\\ncommitter D <d@localhost> 0 +0000\\ndata 0\\nM 040000 %s ""\\n' "$1"
    cat
    printf '\\ndone\\n'
  }} | exact fast-import --quiet --force --done >&2 && exact rev-parse --verify 'refs/heads/applied^{{tree}}'
}}
as_changes() {{
  sed -n -e "s/^:[0-9]* 000000 [0-9a-f]* [0-9a-f]* .$TAB/D /p" "$1"
  sed -n -e "s/^:[0-9]* 000000 .*//" -e "s/^:[0-9]* \\([0-9]*\\) [0-9a-f]* \\([0-9a-f]*\\) .$TAB/M \\1 \\2 /p" "$1"
}}
compare() {{ GIT_INDEX_FILE=$E/none exact diff-tree -r --no-abbrev "$@"; }}  # it reads an index
packed() {{  # what the tree $1 has and this box had not
  commit=$(git commit-tree "$1" -p "$BASE" -m export)
  read -r given < "$E/commit"
  printf '%s\\n^%s\\n^%s\\n' "$commit" "$BASE" "$given" | git pack-objects --revs --thin --stdout -q
}}
in_index() {{
  exact ls-files --stage > "$E/listed" && sed -n "s/^\\([0-9]*\\) \\([0-9a-f]*\\) 0$TAB/M \\1 \\2 /p" "$E/listed"
}}
"""

# A file that git could not turn back into its blob (mixed line endings under ``eol=crlf``) is checked out as it is.
_TRACK = f"""{_EXACT}
[ ! -e "$E" ] && [ ! -L "$E" ] || rm -rf "$E"
mkdir -p "$E/info" "$E/objects" "$E/refs"  # as `git init` lays it out; its objects are the repository's
printf 'ref: refs/heads/main\\n' > "$E/HEAD"
printf '[core]\\n\\trepositoryformatversion = 0\\n\\tfilemode = true\\n\\tbare = false\\n' > "$E/config"
printf '* -text !eol !working-tree-encoding -ident -filter\\n' > "$E/info/attributes"
[ ! -s .git/info/exclude ] || cp .git/info/exclude "$E/info/exclude"
head=$(git rev-parse 'HEAD^{{commit}}' 'HEAD^{{tree}}')
commit=${{head%%[!0-9a-f]*}} base=${{head##*[!0-9a-f]}}
tree=$base
attributes=$(git ls-files --stage |
  sed -n -e '\\,[/'"$TAB"'][.]gitattributes"*$,p' -e "s/^160000 [0-9a-f]* 0$TAB//w $E/submodules")
if [ -z "$attributes" ]; then
  cp -p .git/index "$E/index"
else
  : > "$E/attributes"
  exact read-tree "$commit"
  exact add -u
  tree=$(exact write-tree)
fi
if [ "$tree" != "$base" ]; then
  exact diff-tree -r -z --name-only --no-renames "$base" "$tree" > "$E/converted"
  GIT_INDEX_FILE=$E/back git read-tree "$commit"
  GIT_INDEX_FILE=$E/back git update-index -z --stdin < "$E/converted"
  exact diff-tree -r -z --name-only --no-renames "$base" "$(GIT_INDEX_FILE=$E/back git write-tree)" > "$E/converted"
  GIT_INDEX_FILE=$E/back exact read-tree "$commit"
  GIT_INDEX_FILE=$E/back exact checkout-index -f -z --stdin < "$E/converted"
  exact add -u
  tree=$(exact write-tree)
fi
git commit-tree "$tree" -p "$commit" -m 'checked out' > "$E/commit"
printf '%s\\n' "$tree" > "$E/tree"
printf '%s %s' "$commit" "$tree"
"""

# In a box that nothing has run in. A later second than the last file's: git reads a file again that could have changed in
# the same second. And the files of a container's image get other numbers and times when it is saved.
_REFRESH = f"""{_EXACT}
refresh() {{ "$@" update-index -q --refresh --force-write-index; }}
until [ "$(date +%s)" -gt "$(stat -c %Y .git/index)" ]; do sleep 1; done
refresh git
refresh exact
"""

# What is there now, byte for byte. Where the box knows what changes in it (``KNOWN``), these paths alone are looked at:
# standard input has a line for each, "A" for one that is there and "D" for one that is gone. What is ignored and is not in
# the commit stays away. Files that were read before are in an index of their own, which has no others.
# Otherwise, or if one of them is nothing that git takes by its path (an unreadable file, a repository), git looks at all.
# Exit code 1: a file could not be read, and stays as it was checked out. Each program that a turn starts here counts.
_ADD = """
known() {
  cat > "$E/known" &&
  # of a path in another repository, the repository's own is taken
  { cat "$E/submodules"; sed -n 's,^A \\(.*\\)/[.]git/.*,\\1,p' "$E/known" | sort -u; } |
    sed -e 's/[][\\.*^$,]/\\\\&/g' -e 's/.*/s,^\\\\(&\\\\)\\/.*,\\\\1,/' > "$E/repositories" &&
  sed -n 's/^A //p' "$E/known" | sed -f "$E/repositories" | sort -u > "$E/paths" &&
  # without what is ignored, unless the commit has it
  { exact check-ignore --no-index --stdin < "$E/paths" > "$E/listed" || [ $? = 1 ]; } &&
  if [ -s "$E/listed" ]; then
    ! grep -q '^"' "$E/listed" &&
    sed "s/^/$checked:/" "$E/listed" | git cat-file --batch-check='%(objecttype)' | paste - "$E/listed" |
      sed "/^blob$TAB/d; s/^.*$TAB//" | sort > "$E/ignored" &&
    comm -23 "$E/paths" "$E/ignored" > "$E/listed" && mv -f "$E/listed" "$E/paths"
  fi &&
  # their blobs, by an index that has no other file
  export GIT_INDEX_FILE="$E/touched" &&
  if [ -e "$E/touched" ]; then
    exact ls-files | sort | comm -23 - "$E/paths" | exact update-index --force-remove --stdin
  fi &&
  exact update-index --add --remove --replace --stdin < "$E/paths" &&
  # all of them removed from the tree that was checked out, and put back as they are now
  { sed 's/^A /D /' "$E/known" && in_index; } > "$E/lines" && apply "$checked" < "$E/lines"
}
for lock in "$E/index.lock" "$E/touched.lock"; do [ ! -e "$lock" ] || rm -f "$lock"; done
read -r checked < "$E/tree"
if [ -z "$KNOWN" ] || ! raw=$(known 2> "$E/errors"); then
  exact add -A --ignore-errors 2> "$E/errors" || [ $? = 1 ]
  raw=$(exact write-tree)
fi
"""

# What is there now, as it would be committed. A file that has the bytes that were checked out keeps its blob; one whose
# blob was checked out as it is has its bytes as the new blob; only files that were converted, and new ones, go through
# git's filters. A file that was moved is no new one.
_COMMITTED = """
base=$(git rev-parse --verify "$BASE^{tree}")
old=$base new=$raw
compare --raw --no-renames "$checked" "$raw" > "$E/differs"
differs="$checked $raw"
if [ "$checked" != "$base" ] || [ -e "$E/attributes" ] || grep -qE '[/'"$TAB"'][.]gitattributes("|$)' "$E/differs"; then
  moved=-M
  [ "$checked" = "$base" ] || moved=--no-renames
  export GIT_INDEX_FILE="$E/filtered"
  rm -f "$E/filtered"
  compare --raw --no-renames "$checked" "$base" > "$E/converted"
  sed "s/^:[0-9]* \\([0-9]*\\) [0-9a-f]* \\([0-9a-f]*\\) .$TAB/\\1 \\2$TAB/" "$E/converted" | git update-index --index-info
  for list in differs converted; do sed "s/^[^$TAB]*$TAB//" "$E/$list" | sort > "$E/$list.paths"; done
  { comm -12 "$E/differs.paths" "$E/converted.paths"; compare $moved --name-only --diff-filter=A "$checked" "$raw"; } > "$E/paths"
  git update-index --add --remove --replace --stdin < "$E/paths" 2>> "$E/errors" ||
    while IFS= read -r path; do  # a file that its own encoding forbids is taken as it is
      printf '%s\\n' "$path" | git update-index --add --remove --replace --stdin 2>> "$E/errors" ||
        printf '%s\\n' "$path" | git update-index --force-remove --stdin
    done < "$E/paths"
  { as_changes "$E/differs"; in_index; } > "$E/lines"
  new=$(apply "$base" < "$E/lines" 2>> "$E/errors") || new=$raw
  unset GIT_INDEX_FILE
fi
"""
_BYTES = """
old=$checked new=$raw differs=
"""
# Lines with the trees and the sizes, the paths, each with a NUL after it, and one more. Nearly always all of a change leaves
# the box, so its pack comes along where it is small, unless the tree is ``LAST``.
_LIST = f"""
printf '%s %s\\n' "$old" "$new"
: > "$E/sizes"
[ "$differs" = "$old $new" ] || compare --raw --no-renames "$old" "$new" > "$E/differs"
[ ! -s "$E/differs" ] || cut -d ' ' -f 4 "$E/differs" | git cat-file --batch-check='%(objectsize)' > "$E/sizes"
count=0 total=0
{{
  while [ $count -lt {MANY_FILES} ] && read -r size missing; do
    count=$((count + 1))
    [ -n "$missing" ] || total=$((total + size))
    printf '%s\\n' "$size$missing"
  done
  [ $count -lt {MANY_FILES} ] || cat
}} < "$E/sizes"
printf '\\n'
[ ! -s "$E/differs" ] || compare -z --raw --no-renames "$old" "$new"
printf '\\0'
[ "$new" = "$LAST" ] || [ $count -ge {MANY_FILES} ] || [ $total -gt {SMALL_BYTES} ] || packed "$new"
"""

# ``OLD`` with the changes that standard input names, as git-fast-import(1) reads them.
_EXPORT = f"""{_EXACT}
tree=$(apply "$OLD")
printf '%s\\n' "$tree"
packed "$tree"
"""

_RESTORE = f"""{_EXACT}
git index-pack --stdin --fix-thin > /dev/null
exact read-tree -u --reset "$TREE"
git reset -q
"""


@dataclass(frozen=True, slots=True)
class Found:
    """One path that differs from what was checked out, as the box reports it: nothing of it is proven."""

    path: str  # undecodable bytes as surrogates
    old_mode: str  # "000000": a new file
    mode: str  # "000000": deleted
    blob: str
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed in a box, and what it is compared with."""

    base: str  # the commit that was checked out
    old: str  # its tree, or the tree of the bytes
    found: tuple[Found, ...]
    new: str  # the tree with all of them
    pack: bytes = field(default=b"", compare=False, repr=False)  # of it, as ``export`` returns it, if small

    @property
    def small(self) -> tuple[Found, ...]:
        """Those that may leave the box."""
        return tuple(one for one in self.found if one.size <= MAX_FILE_BYTES)


def read_small(box: Box, found: Iterable[Found], max_bytes: int) -> dict[str, bytes]:
    """The contents of the files that have at most ``max_bytes`` bytes, by blob."""
    blobs = list(dict.fromkeys(one.blob for one in found if 0 < one.size <= max_bytes))
    if not blobs:
        return {}
    stdin = "".join(f"{object_id(blob)}\n" for blob in blobs).encode()
    out = box.check_output(
        ["git", "cat-file", "--batch"], stdin=stdin, max_bytes=len(blobs) * (max_bytes + 100)
    )
    contents = dict[str, bytes]()
    while out:
        head, _, rest = out.partition(b"\n")
        blob, _, size = head.decode("ascii", "replace").partition(" blob ")
        if not size.isdigit():
            raise SandboxError("The sandbox returned an object that is not a file.")
        contents[blob], out = rest[: int(size)], rest[int(size) + 1 :]
    return contents


def refresh(box: Box) -> None:
    """Let git note the times and numbers of all files, which are as they were checked out. Raises ``SandboxError``."""
    box.check_output(["/bin/sh", "-c", _REFRESH], max_bytes=0, seconds=CHECK_OUT_SECONDS)


def track(box: Box) -> tuple[str, str]:
    """Remember the work tree as it is checked out; return HEAD's commit, and the tree of the bytes.

    Raises ``SandboxError`` if it is not a git work tree.
    """
    if commit := box.checked_out:  # it was tracked before the snapshot was saved
        raw = box.check_output(["cat", f"{EXACT}/tree"], max_bytes=100)
        return commit, object_id(raw.decode("ascii", "replace").strip())
    raw = box.check_output(["/bin/sh", "-c", _TRACK], max_bytes=200, seconds=CHECK_OUT_SECONDS)
    commit, _, tree = raw.decode("ascii", "replace").partition(" ")
    return object_id(commit), object_id(tree)


def list_changes(box: Box, base: str) -> Changes:
    """What a commit of the work tree would change in ``base``, the commit that was checked out. Raises ``SandboxError``."""
    return _list(box, base, _COMMITTED)


def list_changed_bytes(box: Box, base: str, last: str = "") -> Changes:
    """The same as plain bytes, for a checkpoint: what ``restore`` writes to another box. ``last``: the tree of the last one."""
    return _list(box, base, _BYTES, last=last)


def export(box: Box, changes: Changes, chosen: Iterable[Found]) -> tuple[str, bytes]:
    """Return the tree with the chosen changes only, and a thin pack of its objects that the box's commit does not have.

    Both come from inside the box and must be checked before use. Raises ``SandboxError``.
    """
    chosen = tuple(chosen)
    if changes.pack and len(chosen) == len(changes.found):
        return changes.new, changes.pack
    changes_of = sorted(chosen, key=lambda found: found.mode != DELETED)  # so that nothing is in the way
    lines = b"".join(_import_line(found) for found in changes_of)
    script = f"BASE={object_id(changes.base)} OLD={object_id(changes.old)}\n{_EXPORT}"
    raw = box.check_output(["/bin/sh", "-c", script], stdin=lines, max_bytes=PACK_BYTES)
    head, _, pack = raw.partition(b"\n")
    return object_id(head.decode("ascii", "replace")), pack


def restore(box: Box, tree: str, pack: bytes) -> None:
    """Restore the bytes that ``export`` returned as ``tree`` and ``pack``. Raises ``SandboxError``."""
    result = box.run(["/bin/sh", "-c", _RESTORE], cwd=WORKSPACE, env={"TREE": object_id(tree)}, stdin=pack)
    if not result.passed:
        raise SandboxError(f"A checkpoint could not be restored: {result.text()[-500:]}")


def _list(box: Box, base: str, compared: str, *, last: str = "") -> Changes:
    known = box.changed_paths()
    lines = None if known is None else b"".join(map(_known_line, known.split(b"\0")[:-1]))
    names = f"BASE={object_id(base)} LAST={last and object_id(last)} KNOWN={'' if lines is None else 1}"
    script = f"{names}\n{_EXACT}{_ADD}{compared}{_LIST}"
    raw = box.check_output(
        ["/bin/sh", "-c", script], stdin=lines, max_bytes=LISTING_BYTES, seconds=LISTING_SECONDS
    )
    head, _, rest = raw.partition(b"\n")
    old, _, new = head.decode("ascii", "replace").partition(" ")
    sizes, _, rest = (b"\n" + rest).partition(b"\n\n")
    listing, _, pack = (b"\0" + rest).partition(b"\0\0")
    return Changes(base, object_id(old), tuple(_parse(sizes, listing)), object_id(new), pack)


def _parse(sizes: bytes, listing: bytes) -> Iterator[Found]:
    fields = listing.split(b"\0")[1:]
    for size, meta, path in zip(sizes.split(b"\n")[1:], fields[::2], fields[1::2], strict=False):
        old_mode, mode, _, blob, *_ = meta.decode("ascii", "replace").removeprefix(":").split(" ")
        count = int(size) if size.isdigit() else 0  # "missing": deleted, or a submodule
        yield Found(path.decode("utf-8", "surrogateescape"), old_mode, mode, object_id(blob), count)


def _known_line(path: bytes) -> bytes:
    """One path that may have changed, for ``_ADD``: what ends with a slash is gone, with everything below it."""
    return (b"D " + quoted(path[:-1]) if path.endswith(b"/") else b"A " + quoted(path)) + b"\n"


def _import_line(found: Found) -> bytes:
    """One change, in the format of ``git fast-import``."""
    path = quoted(found.path.encode("utf-8", "surrogateescape"))
    return (b"D " if found.mode == DELETED else f"M {found.mode} {found.blob} ".encode()) + path + b"\n"
