"""From a webhook delivery to a task in the ledger."""
