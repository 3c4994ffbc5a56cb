"""The ledger of what was written to Plex: batches and rows, what stood there before, and what stands there now."""
