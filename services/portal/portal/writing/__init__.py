"""The runs that write to Plex and take it back: what is planned, what is left alone, and how each edit is made."""
