"""A large repository's base commit, checked out once for all boxes of all tasks: they start as layers over that snapshot.

What such a box reads and writes depends on what changes, not on the size of the repository and its history. The commit is
checked out by git over the environment, after everything that set-up ran, and no other command runs before it is saved.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

from dayhand.environment.base import Environment, Log
from dayhand.environment.setup.build_lock import building
from dayhand.sandbox import worktree
from dayhand.sandbox.base import Box, Sandbox, Snapshot

VERSION = "1"  # part of every key: raise it when the same commit should be checked out differently


def with_work_tree(
    environment: Environment,
    sandbox: Sandbox,
    fill: Callable[[Box], None],
    *,
    commit: str,
    content: str,
    log: Log,
) -> Environment:
    """The environment with ``commit`` checked out, which ``fill`` puts into a box, with the ``content`` besides."""
    key = work_tree_key(environment, sandbox, commit=commit, content=content)
    files = Snapshot(f"{key}-files", environment.snapshot, commit)
    with building(key):  # of fifty tasks that start at once, one checks it out
        if not (sandbox.find_snapshot(files.key) and sandbox.find_snapshot(key)):
            log.line(
                "say",
                "This repository is large: its commit is checked out once, and every box starts from that.",
            )
            with sandbox.open(origin=environment.snapshot) as box:
                fill(box)
                worktree.track(box)
                box.save(files.key)
            with sandbox.open(origin=files) as box:
                worktree.refresh(box)
                box.save(key)
    return replace(environment, work_tree=Snapshot(key, files, commit))


def work_tree_key(environment: Environment, sandbox: Sandbox, *, commit: str, content: str) -> str:
    """Its snapshot's key. A submodule that one person may read is in no snapshot that another gets."""
    below = environment.snapshot.key if environment.snapshot else sandbox.fingerprint()
    return f"tree-{hashlib.sha256(repr((VERSION, below, commit, content)).encode()).hexdigest()[:32]}"
