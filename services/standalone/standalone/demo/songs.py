"""The demo's songs and the catalogue by which the stand-in serves them: `python -m standalone.demo.songs FOLDER`."""

import sys
from collections.abc import Callable
from pathlib import Path

from standalone.demo_library import GENRES, DemoLibrary, make
from standalone.plex_stand_in.catalogue import StandInTrack, music_and_films

# Plex names its files by paths of its own machine, and so does the stand-in.
PLEX_FOLDER = "/music"
MUSIC = "music"
CATALOGUE = "catalogue.json"


def make_songs(
    folder: Path, *, songs_per_genre: int = 10, progress: Callable[[int, int], None] | None = None
) -> DemoLibrary:
    """The songs in `folder`/music, made unless they are there already, and `folder`/catalogue.json about them."""
    music = folder / MUSIC
    music.mkdir(parents=True, exist_ok=True)
    library = make(music, songs_per_genre=songs_per_genre, genres=GENRES, progress=progress)
    tracks = tuple(
        StandInTrack(
            rating_key=1000 + number,
            title=song.title,
            artist=song.artist,
            album_artist=song.artist,
            album=song.album,
            duration_seconds=song.duration_seconds,
            file=plex_path(song.path, music),
            local_file=str(song.path),
            genres=song.tagged_genres,
        )
        for number, song in enumerate(library.songs)
    )
    music_and_films(tracks, PLEX_FOLDER).save(folder / CATALOGUE)
    return library


def plex_path(file: Path, music: Path) -> str:
    """What the stand-in calls a file of the folder `music`."""
    return f"{PLEX_FOLDER}/{file.relative_to(music).as_posix()}"


if __name__ == "__main__":
    made = make_songs(Path(sys.argv[1]))
    sys.stdout.write(f"{len(made.songs)} songs in {made.folder}\n")
