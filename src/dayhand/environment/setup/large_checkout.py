"""A large repository's base commit, checked out once for all boxes of all tasks: they start as layers over that snapshot.

What such a box reads and writes depends on what changes, not on the size of the repository and its history. The commit is
checked out by git over the environment, after everything that set-up ran, and no other command runs before it is saved.

A later commit in the same environment is a layer over an ancestor that is checked out: git writes what differs. It is never
over another layer of that kind, so there are five layers at most, and a new whole checkout when the ancestor is too far away.
An ancestor's files and history are part of the commit's own, so nothing is in a box that a checkout of all would not have.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace

from dayhand.environment.base import Environment, Log
from dayhand.environment.setup.build_lock import building
from dayhand.sandbox import worktree
from dayhand.sandbox.base import Box, Sandbox, Snapshot
from dayhand.startup.records import dataclass

VERSION = "2"  # part of every key: raise it when the same commit should be checked out differently


@dataclass(frozen=True, slots=True)
class BaseTree:
    """How a base commit gets into a box."""

    commit: str
    content: str  # what else decides what is checked out
    fill: Callable[[Box], None]
    ancestors: Callable[[], Iterable[str]] = tuple  # those whose checkout may be used, the nearest first
    difference: Callable[[str], bytes] = lambda _since: b""  # from an ancestor; empty if it is too large
    advance: Callable[[Box, str, bytes], None] = lambda _box, _since, _difference: None


def with_base_tree(environment: Environment, sandbox: Sandbox, tree: BaseTree, *, log: Log) -> Environment:
    """The environment with the base commit checked out."""
    whole = base_tree_snapshot(environment, sandbox, commit=tree.commit, content=tree.content)
    with building(whole.key):  # of fifty tasks that start at once, one checks it out
        if _is_saved(sandbox, whole):
            return replace(environment, work_tree=whole)
        known = (
            base_tree_snapshot(environment, sandbox, commit=ancestor, content=tree.content)
            for ancestor in tree.ancestors()
        )
        older = next((snapshot for snapshot in known if _is_saved(sandbox, snapshot)), None)
        snapshot = _over(older, whole.key, tree.commit) if older else whole
        if older and _is_saved(sandbox, snapshot):
            return replace(environment, work_tree=snapshot)
        if older and (difference := tree.difference(older.commit)):
            log.line("say", "This repository is large: what differs from its last checkout is checked out.")
            since = older.commit
            _save(sandbox, snapshot, origin=older, put=lambda box: tree.advance(box, since, difference))
            return replace(environment, work_tree=snapshot)
        log.line(
            "say", "This repository is large: its commit is checked out once, and every box starts from that."
        )
        _save(sandbox, whole, origin=environment.snapshot, put=tree.fill)
    return replace(environment, work_tree=whole)


def base_tree_snapshot(environment: Environment, sandbox: Sandbox, *, commit: str, content: str) -> Snapshot:
    """The snapshot of a whole checkout. A submodule that one person may read is in no snapshot that another gets."""
    below = environment.snapshot.key if environment.snapshot else sandbox.fingerprint()
    return _layer(environment.snapshot, (VERSION, below, commit, content), commit)


def _over(older: Snapshot, key: str, commit: str) -> Snapshot:
    return _layer(older, (key, older.key), commit)


def _layer(below: Snapshot | None, parts: tuple[str, ...], commit: str) -> Snapshot:
    """Two layers: the files, and the index that knows the times and numbers which the files have once they are saved."""
    key = f"tree-{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"
    return Snapshot(key, Snapshot(f"{key}-files", below, commit), commit)


def _is_saved(sandbox: Sandbox, snapshot: Snapshot) -> bool:
    files = snapshot.over
    return bool(files and sandbox.find_snapshot(snapshot.key) and sandbox.find_snapshot(files.key))


def _save(
    sandbox: Sandbox, snapshot: Snapshot, *, origin: Snapshot | None, put: Callable[[Box], None]
) -> None:
    files = snapshot.over
    if files is None:
        return
    with sandbox.open(origin=origin) as box:
        put(box)
        worktree.track(box)
        box.save(files.key)
    with sandbox.open(origin=files) as box:
        worktree.refresh(box)
        box.save(snapshot.key)
