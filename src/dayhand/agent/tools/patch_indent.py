"""How a patch's indentation differs from the file's, and how its added lines are indented as the file is."""

from __future__ import annotations

from collections.abc import Sequence

# The indentation of an old line in the patch and in the file; None for a blank line.
Indent = tuple[str, str] | None


def indents(real: Sequence[str], old: Sequence[str]) -> list[Indent]:
    """Those of the file's lines and of the patch's old lines, which are the same but for indentation."""
    return [
        (_indent(wanted), _indent(line)) if line.strip() else None
        for line, wanted in zip(real, old, strict=True)
    ]


def even_shift(pairs: Sequence[Indent]) -> tuple[str, str] | None:
    """(The patch's prefix, the file's prefix) if they are the same for every line; else None."""
    shifts = {_prefixes(*pair) for pair in pairs if pair}
    return shifts.pop() if len(shifts) == 1 else None


def adjusted(line: str, pairs: Sequence[Indent], position: int) -> str:
    """An added line as the file indents it. ``position``: how many old lines come before it in the chunk."""
    if not line.strip() or not any(pairs):
        return line
    if shift := even_shift(pairs):
        in_patch, in_file = shift
        return in_file + line[len(in_patch) :] if line.startswith(in_patch) else line
    own, text = _indent(line), line.lstrip()
    nearest = sorted(range(len(pairs)), key=lambda n: abs(n - position + 0.6))  # the one before comes first
    near = [pair for n in nearest if (pair := pairs[n])]
    if same := next((in_file for in_patch, in_file in near if in_patch == own), None):
        return same + text
    in_patch, in_file = near[0]
    if own.startswith(in_patch):
        return in_file + _translated(own[len(in_patch) :], near) + text
    if in_patch.startswith(own):
        less = _translated(in_patch[len(own) :], near)
        return in_file[: max(0, len(in_file) - len(less))] + text
    return line


def _translated(more: str, pairs: Sequence[tuple[str, str]]) -> str:
    """Further indentation in the file's characters, if the patch uses spaces for its tabs or the other way round."""
    for in_patch, in_file in pairs:
        shares = len(in_patch), len(in_file)
        if in_patch.strip(" ") == "" and in_file and in_file.strip("\t") == "" and shares[0] % shares[1] == 0:
            width = max(1, shares[0] // shares[1])
            return "\t" * (len(more) // width)
        if (
            in_patch
            and in_patch.strip("\t") == ""
            and in_file.strip(" ") == ""
            and shares[1] % shares[0] == 0
        ):
            return " " * (shares[1] // shares[0] * len(more))
    return more


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _prefixes(in_patch: str, in_file: str) -> tuple[str, str]:
    if in_file.endswith(in_patch):
        return "", in_file[: len(in_file) - len(in_patch)]
    if in_patch.endswith(in_file):
        return in_patch[: len(in_patch) - len(in_file)], ""
    return in_patch, in_file
