"""The sync run: brings libraries and tracks into the database, and finds out which song is which."""
