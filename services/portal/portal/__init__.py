"""The portal: the database of songs, the admin for people, the jobs, and the ledger of what was written to Plex."""
