"""The train and promote runs: what is learned from, how it goes, and what comes of it."""
