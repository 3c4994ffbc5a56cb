"""The only service that talks to Plex."""
