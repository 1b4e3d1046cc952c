"""How far a change reaches, beside how far the repository lets one reach."""

from __future__ import annotations

from collections.abc import Mapping

from dayhand.task import Scope
from dayhand.verify.kinds import is_lock


def measure(lines: Mapping[str, int], allowed: Scope) -> Scope:
    """The size of a change from its lines by path. What tools write into lock files is nobody's to read, and not counted."""
    counted = {path: count for path, count in lines.items() if not is_lock(path)}
    return Scope(sum(counted.values()), len(counted), allowed.most_lines, allowed.most_files)
