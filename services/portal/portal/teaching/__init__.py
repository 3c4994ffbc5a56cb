"""Genres taught by example: a folder, a Plex playlist or collection, or songs chosen by hand."""
