"""From an audio reference to a file: path mappings, media folders, downloads from Plex through sync."""
