"""The pages that teach genres by sets of songs."""
