"""The sound models of the shapes: how far genres lie apart, and in what way they are hard to tell."""

import numpy as np
from numpy.typing import NDArray

from benchmarks.inference.truth.sound_model import SoundModel

WIDTH = 24
ISLANDS = 4


def gaussian(
    random: np.random.Generator, genres: int, *, apart: float = 3.0, artist_sd: float = 0.5
) -> SoundModel:
    """Each genre a round cloud; centres lie about 1.4 times `apart` from each other, in standard deviations."""
    return SoundModel(
        centres=apart * directions(random, genres, WIDTH),
        mixing=np.eye(genres),
        truths=single_truths(np.arange(genres), np.eye(genres)),
        artist_sd=artist_sd,
        song_sd=float(np.sqrt(1 - artist_sd**2)),
    )


def islands(random: np.random.Generator, genres: int) -> SoundModel:
    """Each genre lies in four places, which have nothing to do with each other."""
    genre_of = np.repeat(np.arange(genres), ISLANDS)
    states = np.eye(len(genre_of))
    return SoundModel(
        centres=4.0 * directions(random, len(genre_of), WIDTH),
        mixing=states,
        truths=single_truths(genre_of, states),
    )


def heavy_tails(random: np.random.Generator, genres: int) -> SoundModel:
    """Student's t with three degrees of freedom: many songs are far from all others."""
    return SoundModel(
        centres=3.8 * directions(random, genres, WIDTH),
        mixing=np.eye(genres),
        truths=single_truths(np.arange(genres), np.eye(genres)),
        freedom=3.0,
    )


def sound_alikes(random: np.random.Generator, genres: int, *, rate: float) -> SoundModel:
    """So many songs have the sound of another genre, any; their tags are right."""
    mixing = (1 - rate) * np.eye(genres) + rate * (1 - np.eye(genres)) / (genres - 1)
    return SoundModel(
        centres=3.6 * directions(random, genres, WIDTH),
        mixing=mixing,
        truths=single_truths(np.arange(genres), mixing),
    )


def twins(random: np.random.Generator, genres: int) -> SoundModel:
    """The first two genres lie near each other."""
    model = gaussian(random, genres, apart=3.4)
    centres = model.centres.copy()
    centres[1] = centres[0] + 0.9 * directions(random, 1, WIDTH)[0]
    return SoundModel(**{**vars(model), "centres": centres})


def two_genres(random: np.random.Generator, genres: int, *, rate: float) -> SoundModel:
    """So many songs are of their artist's genre and another one, any, and sound like something between the two."""
    ones = directions(random, genres, WIDTH) * 4.2
    pairs = [(one, other) for one in range(genres) for other in range(one + 1, genres)]
    mixing = np.hstack([(1 - rate) * np.eye(genres), np.zeros((genres, len(pairs)))])
    of_component = np.vstack([np.eye(genres), np.zeros((len(pairs), genres))]).astype(np.bool_)
    for number, pair in enumerate(pairs, start=genres):
        mixing[list(pair), number] = rate / (genres - 1)
        of_component[number, list(pair)] = True
    between = np.array([(ones[one] + ones[other]) / 2 for one, other in pairs])
    truths = np.broadcast_to(of_component, (genres, *of_component.shape))
    return SoundModel(centres=np.vstack([ones, between]), mixing=mixing, truths=truths)


def directions(random: np.random.Generator, count: int, width: int) -> NDArray[np.float64]:
    """[count, width] of length 1, any."""
    drawn = random.normal(size=(count, width))
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def single_truths(genre_of: NDArray[np.intp], mixing: NDArray[np.float64]) -> NDArray[np.bool_]:
    """[states, components, genres] where a song is of its state's genre, whatever it sounds like."""
    own = genre_of[:, np.newaxis] == np.arange(genre_of.max() + 1)
    truths: NDArray[np.bool_] = np.broadcast_to(own[:, np.newaxis], (*mixing.shape, own.shape[1]))
    return truths
