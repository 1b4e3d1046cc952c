"""Where things are in every box: names only, so that planning needs to know no sandbox."""

from __future__ import annotations

WORKSPACE = "/workspace"  # the repository
ENVIRONMENT = "/opt/env"  # what set-up installed: writable in a set-up box, read-only afterwards
# What compilers keep between their runs, writable in every box. Inside .git, which the tools of checks ignore.
BUILD_CACHE = f"{WORKSPACE}/.git/dayhand-build-cache"
