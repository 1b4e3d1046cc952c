"""Regular expressions that are compiled when they are first used.

Hundreds of them are for files and failures that most tasks never see, and compiling them all takes longer than loading
the modules that hold them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:

    def regex(pattern: str, flags: int = 0) -> re.Pattern[str]:
        """A pattern with the methods of ``re.compile``'s. Functions of ``re`` do not take it in place of a string."""

else:

    class regex:  # noqa: N801 - it stands where a function would
        """See above: type checkers take it for a compiled pattern."""

        def __init__(self, pattern: str, flags: int = 0) -> None:
            self.pattern = pattern
            self._flags = flags

        def __getattr__(self, name: str) -> Any:
            compiled = re.compile(self.pattern, self._flags)
            for method in ("search", "match", "fullmatch", "finditer", "findall", "sub", "subn", "split"):
                setattr(self, method, getattr(compiled, method))
            return getattr(compiled, name)
