"""The genre of a song given everything that is known: its sound, album and artist, its tags, and what people judged."""
