"""The genre of each song given all that is known: asks inference, artist by artist, where something has changed."""
