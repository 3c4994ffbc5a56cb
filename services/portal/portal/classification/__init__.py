"""The classify run: asks inference for the genres of songs, and keeps its verdicts."""
