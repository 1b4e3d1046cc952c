"""How a patch is written: the format of `apply_patch`, told to models and to servers."""

from __future__ import annotations

# The format as a grammar, for servers that constrain free text by one.
GRAMMAR = """\
start: "*** Begin Patch" LF hunk+ "*** End Patch" LF?
hunk: add | delete | update
add: "*** Add File: " path LF added+
delete: "*** Delete File: " path LF
update: "*** Update File: " path LF ("*** Move to: " path LF)? chunk*
chunk: anchor? line+ ("*** End of File" LF)? | anchor
anchor: "@@" LF | "@@ " path LF
added: "+" /(.*)/ LF
line: ("+" | "-" | " ") /(.*)/ LF
path: /(.+)/
%import common.LF
"""

PATCH = """\
Edit files. The patch has no line numbers; a place is found by its lines, so give about three lines of context around \
each change, and `@@ <a line above it>` where that is not enough. All of it is applied or nothing. Example:
*** Begin Patch
*** Update File: src/app.py
@@ def greet(name):
     if not name:
-        return "Hi"
+        return "Hello"
*** Add File: src/new.py
+print("hello")
*** Delete File: src/old.py
*** End Patch
Paths are relative to /workspace. `*** Move to: <path>` after an Update line renames."""
