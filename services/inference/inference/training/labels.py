"""Which of the labelled genres can be learned, and why the others cannot."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inference.arrays import Bools, Ints
from inference.classify.stages import VectorKind
from inference.errors import TooFewGenresError, TooFewSongsError

MIN_GROUPS = 2
"""A genre of one artist could not be tested on an artist that the model has not learned from."""
MIN_GENRES = 2


@dataclass(frozen=True, kw_only=True)
class SkippedGenre:
    """A genre that has labels and is not learned."""

    genre: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class SkippedEmbedding:
    """An embedding that songs should have vectors of and that no stage adds."""

    kind: VectorKind
    reason: str


@dataclass(frozen=True, kw_only=True)
class TrainableGenres:
    """Which genres have songs enough."""

    codes: tuple[int, ...]
    """Labels that are learned, in the order of the model's outputs."""
    skipped: tuple[SkippedGenre, ...]


def trainable_genres(
    multi_hot: Bools, groups: Ints, names: Sequence[str], *, min_songs_per_genre: int
) -> TrainableGenres:
    """Sort genres into those that have enough songs of enough artists, and the rest with the reason.

    multi_hot : [songs, genres] the genres of each song, which counts for each of them.
    """
    if len(multi_hot) < MIN_GENRES * min_songs_per_genre:
        raise TooFewSongsError(
            f"{len(multi_hot)} labelled songs are too few to learn from; at least {MIN_GENRES} genres with "
            f"{min_songs_per_genre} songs each are needed. Give more songs a genre and train again."
        )
    codes = []
    skipped = []
    for code in np.argsort(np.asarray(names, dtype=object), kind="stable"):
        own = multi_hot[:, code]
        reason = why_not(int(own.sum()), len(np.unique(groups[own])), min_songs_per_genre)
        if reason:
            skipped.append(SkippedGenre(genre=names[code], reason=reason))
        else:
            codes.append(int(code))
    if len(codes) < MIN_GENRES:
        do = "does" if len(codes) == 1 else "do"
        raise TooFewGenresError(
            f"at least {MIN_GENRES} genres must have enough songs, and {len(codes)} {do}: "
            + "; ".join(f"{skip.genre} has {skip.reason}" for skip in skipped)
        )
    return TrainableGenres(codes=tuple(codes), skipped=tuple(skipped))


def why_not(songs: int, groups: int, min_songs: int) -> str | None:
    """Why a genre of so many songs and artists cannot be learned, or None."""
    if songs < min_songs:
        return f"{songs} song{'' if songs == 1 else 's'}, needs {min_songs}"
    if groups < MIN_GROUPS:
        return f"songs of {groups} artist, needs {MIN_GROUPS}"
    return None
