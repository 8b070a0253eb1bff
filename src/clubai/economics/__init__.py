"""PAYS: work units, the ledger, the month's close and its statement. Pure."""
