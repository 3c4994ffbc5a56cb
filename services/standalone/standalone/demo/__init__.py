"""The demo: its songs, its folder, the whole job done on it, and the figures of what came of it."""
