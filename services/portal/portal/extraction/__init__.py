"""The extract run: gets the vectors of every song that lacks them, and keeps them by the content of the audio."""
