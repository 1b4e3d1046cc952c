"""The account's claims of checks, linked to the lines of the log that bear them."""

from __future__ import annotations

from collections.abc import Iterable

from dayhand.publish.markdown.escape import escaped
from dayhand.verification import CheckClaim


def linked(prose: str, claims: Iterable[CheckClaim], task_url: str) -> str:
    """``prose`` (already made safe) with each borne claim as a link to where its command begins in the log.

    In code the brackets stand unescaped, so nothing is linked there.
    """
    for claim in claims:
        words = escaped(claim.words[1:-1])
        prose = prose.replace(escaped(claim.words), f"[{words}]({task_url}#L{claim.line})")
    return prose
