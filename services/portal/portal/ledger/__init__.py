"""What was written to Plex, what stood there before, and the way back."""
