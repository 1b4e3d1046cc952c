"""From a delivery to a task in the ledger."""
