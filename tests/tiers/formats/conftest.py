"""One song of each codec, for all tests of the folder."""

from shared_songs import songs as songs
