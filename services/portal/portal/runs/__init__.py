"""Long work: runs of chunks of songs that survive a crash."""
