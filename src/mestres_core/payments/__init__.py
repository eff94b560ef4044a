"""Payment attempts and the ledger of what providers reported."""
