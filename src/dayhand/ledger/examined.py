"""What is known of each repository's environment: the last examination, and from when on a newer one may be asked for."""

from __future__ import annotations

import json

from dayhand.errors import LedgerError
from dayhand.ledger import keys, scripts
from dayhand.ledger.codec import decode_outcome, encode_outcome
from dayhand.ledger.ledger import Claim, Ledger, fenced
from dayhand.task import Examined

FIELD = "outcome"


def begin(ledger: Ledger, claim: Claim) -> None:
    """Let the same be asked for again from now on: what is pushed later, this examination does not see.

    Raises ``LeaseLost``.
    """
    script = ledger.redis.register_script(scripts.FREE_MEANING)
    fenced(script, [keys.record(claim.task_id)], [claim.token, claim.task_id])


def keep(ledger: Ledger, claim: Claim, repository: str, *, found: Examined) -> None:
    """Remember what was found. Raises ``LeaseLost``."""
    text = json.dumps(encode_outcome(found), ensure_ascii=False)
    script = ledger.redis.register_script(scripts.WRITE)
    fenced(script, [keys.record(claim.task_id), keys.examined(repository)], [claim.token, FIELD, text])


def last(ledger: Ledger, repository: str) -> Examined | None:
    """What was found last; None where nothing was, or nothing that this version can read."""
    text = ledger.redis.hget(keys.examined(repository), FIELD)
    try:
        found = decode_outcome(json.loads(text)) if text else None
    except (LedgerError, ValueError):
        return None
    return found if isinstance(found, Examined) else None
