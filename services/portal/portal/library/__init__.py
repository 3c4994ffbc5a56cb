"""What Plex has: libraries and their tracks, and what is known of the audio behind them."""
