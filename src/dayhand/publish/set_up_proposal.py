"""The pull request that proposes a set-up which works better, once."""

from __future__ import annotations

from collections.abc import Callable

from dayhand.environment.declared.improvement import Improvement
from dayhand.errors import CheckoutError, HubError, HubUnavailable
from dayhand.ledger.log import TaskLog
from dayhand.publish.base import Publication


def propose_set_up(
    publication: Publication,
    improvement: Improvement,
    branch: str,
    *,
    base: str,
    push: Callable[[str], bool],
    log: TaskLog,
) -> str:
    """Propose ``.dayhand.toml`` from ``branch`` to ``base``. Returns the pull request's address; "" if there is none.

    ``push`` puts the file's text on ``branch``, unless somebody else pushed to that: then it returns False.
    """
    try:
        if publication.setup_decided(improvement, branch):
            log.line("say", "The same set-up was proposed before, and a person decided about it.")
            return ""
        if not push(improvement.suggestion.text):
            log.line("say", f"Somebody else pushed to {branch}: no set-up is proposed.")
            return ""
        return publication.propose_setup(improvement, branch, base)
    except HubUnavailable:
        raise
    except (CheckoutError, HubError) as error:  # the examination is worth reporting without the proposal
        log.line("error", f"The set-up could not be proposed: {error}")
        return ""
