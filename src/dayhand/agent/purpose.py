"""Which files the model made part of its change on purpose, whatever their names look like."""

from __future__ import annotations

from collections.abc import Iterator

from dayhand.agent.model.base import Call
from dayhand.agent.model.items import read_reply
from dayhand.agent.tools import apply_patch
from dayhand.agent.tools.apply_patch import PatchError
from dayhand.agent.tools.call_parser import InvalidCall, PatchCall, kept_paths, parse_call
from dayhand.agent.tools.schema import ALIASES, FINISH
from dayhand.ledger.journal import Journal


def purpose(journal: Journal) -> frozenset[str]:
    """The paths that ``apply_patch`` wrote, and the files and folders that ``finish`` lists in ``keep``."""
    replies = (read_reply(entry.items, entry.usage) for entry in journal.turns())
    return frozenset(path for reply in replies for call in reply.calls for path in _paths(call))


def _paths(call: Call) -> Iterator[str]:
    if ALIASES.get(call.name, call.name) == FINISH:
        yield from kept_paths(call)
        return
    try:
        request = parse_call(call)
        hunks = apply_patch.parse(request.text) if isinstance(request, PatchCall) else ()
        for hunk in hunks:
            match hunk:
                case apply_patch.Add():
                    yield apply_patch.repository_path(hunk.path)
                case apply_patch.Update():
                    yield apply_patch.repository_path(hunk.move_to or hunk.path)
                case apply_patch.Delete():
                    pass
    except (InvalidCall, PatchError):
        return  # it was not applied
