"""Public tables of songs with genres: other people's songs to learn from, which are never shown as the owner's."""
