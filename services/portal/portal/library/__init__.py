"""What Plex has: libraries and their tracks, the audio behind them, and their states."""
