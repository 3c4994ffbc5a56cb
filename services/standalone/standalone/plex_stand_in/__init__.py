"""A server that real plexapi cannot tell from Plex in what sync uses, and that can be told to misbehave."""
