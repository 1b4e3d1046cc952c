"""The pull request that proposes a set-up which works better, once."""

from __future__ import annotations

from dataclasses import dataclass

from dayhand.checkout.proposal_branch import PROPOSAL_BRANCH, propose_file
from dayhand.checkout.repository import Base, Checkout
from dayhand.environment.declared.dayhand_toml import NAME
from dayhand.environment.declared.improvement import Improvement
from dayhand.errors import CheckoutError, HubError, HubUnavailable
from dayhand.ledger.log import TaskLog
from dayhand.publish.base import Publication


@dataclass(frozen=True, slots=True)
class SetUpProposal:
    """Proposes ``.dayhand.toml`` for the commit that an examination looked at."""

    checkout: Checkout
    publication: Publication
    base: Base
    log: TaskLog

    def make(self, improvement: Improvement, when: float) -> str:
        """Returns the pull request's address; "" if there is none."""
        publication, text = self.publication, improvement.suggestion.text
        try:
            if publication.setup_decided(improvement, PROPOSAL_BRANCH):
                self.log.line("say", "The same set-up was proposed before, and a person decided about it.")
                return ""
            if not propose_file(self.checkout, self.base, NAME, text=text, when=when):
                self.log.line("say", f"Somebody else pushed to {PROPOSAL_BRANCH}: no set-up is proposed.")
                return ""
            return publication.propose_setup(improvement, PROPOSAL_BRANCH, self.base.branch)
        except HubUnavailable:
            raise
        except (CheckoutError, HubError) as error:  # the examination is worth reporting without the proposal
            self.log.line("error", f"The set-up could not be proposed: {error}")
            return ""
