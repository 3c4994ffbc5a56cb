"""What a song's album and artist say of its genre: messages in the tree artist, album, song.

An album is of one genre to a degree, its `unity` u: a song of an album of genre a is of genre a with probability u, and
of any genre, as often as it occurs, otherwise. So a song j of the album says of a: u * L_j(a) + 1 - u, with L_j the
likelihood ratio of its sound. Errors of songs of an album go together (same mastering, same style), so n others count
as n / (1 + (n - 1) * correlation) of them. Albums speak to their artist, and the artist to its albums, in the same way.
No song hears itself: what it gets is made of the others alone (the sum-product algorithm on a tree).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Ints
from inference.decision.evidence import Evidence, numbered

Logs = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Strength:
    """How much the members of a whole say of each other."""

    unity: float
    """Share of the members that are of the genre of the whole."""
    correlation: float
    """Of the errors of two members: 0, each counts; 1, all together count as one."""
    weight: float
    """Of the message beside the song's own sound."""

    @property
    def values(self) -> tuple[float, float, float]:
        """Unity, correlation, weight."""
        return self.unity, self.correlation, self.weight

    def towards(self, other: "Strength", share: float) -> "Strength":
        """So far on the way to the other one."""
        unity, correlation, weight = (
            (1 - share) * mine + share * its for mine, its in zip(self.values, other.values, strict=True)
        )
        return Strength(unity=unity, correlation=correlation, weight=weight)


NOTHING = Strength(unity=0.0, correlation=1.0, weight=0.0)


@dataclass(frozen=True, kw_only=True)
class Tree:
    """Which songs are on which albums of which artists; made once for many messages."""

    album: Ints
    """[songs] from 0; a song that is on none has one of its own."""
    recording: Ints
    """[songs] from 0, over all albums: equal for copies of one recording on one album."""
    copies: NDArray[np.float64]
    """[recordings] songs of each."""
    album_of_recording: Ints
    """[recordings]"""
    recordings: NDArray[np.float64]
    """[albums] of each."""
    artist: Ints
    """[albums] from 0; one of its own for an album that is nobody's."""
    albums: NDArray[np.float64]
    """[artists] of each."""
    kind: Ints
    """[albums]"""

    @property
    def others(self) -> NDArray[np.float64]:
        """[songs] other recordings on its album."""
        rest: NDArray[np.float64] = self.recordings[self.album] - 1
        return rest


def tree_of(evidence: Evidence) -> Tree:
    """The tree of these songs."""
    album = numbered(evidence.albums)
    _, recording = np.unique(np.column_stack([album, evidence.recordings]), axis=0, return_inverse=True)
    recording = recording.ravel()
    first_song = _first(recording)
    album_of_recording = album[first_song]
    first_of_album = _first(album)
    artist = numbered(evidence.artists[first_of_album])
    return Tree(
        album=album,
        recording=recording,
        copies=np.bincount(recording).astype(np.float64),
        album_of_recording=album_of_recording,
        recordings=np.bincount(album_of_recording).astype(np.float64),
        artist=artist,
        albums=np.bincount(artist).astype(np.float64),
        kind=evidence.kinds[first_of_album],
    )


def _first(groups: Ints) -> Ints:
    return np.unique(groups, return_index=True)[1]


def summed(values: NDArray[np.float64], groups: Ints, count: int) -> NDArray[np.float64]:
    """[count, genres] sums of rows by group."""
    sums = np.zeros((count, values.shape[1]))
    for column in range(values.shape[1]):
        sums[:, column] = np.bincount(groups, weights=values[:, column], minlength=count)
    return sums


def messages(
    log_ratios: Logs,
    tree: Tree,
    prior: NDArray[np.float64],
    strengths: NDArray[np.float64],
    artist: Strength,
) -> Logs:
    """[songs, genres] logarithm of what each song is told, as a ratio to the prior; 0 where nobody speaks.

    log_ratios : [songs, genres] logarithm of the sound's likelihood ratios. strengths : [albums, 3] unity, correlation
    and weight of each.
    """
    unity, correlation, weight = (strengths[:, column] for column in range(3))
    own = unity[tree.album][:, np.newaxis]
    says = np.log(own * np.exp(log_ratios) + 1 - own)
    of_recording = summed(says, tree.recording, len(tree.copies)) / tree.copies[:, np.newaxis]
    of_album = summed(of_recording, tree.album_of_recording, len(tree.recordings))
    above = _from_artists(of_album, tree, prior, correlation, artist)
    others = of_album[tree.album] - of_recording[tree.recording]
    counted = effective(tree.others, correlation[tree.album])[:, np.newaxis] * others + above[tree.album]
    told = own * normalised(counted, prior) + 1 - own
    heard: Logs = weight[tree.album][:, np.newaxis] * np.log(told)
    return heard


def effective(count: NDArray[np.float64], correlation: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each of `count` members with correlated errors counts beside one alone."""
    weights: NDArray[np.float64] = 1 / (1 + np.maximum(count - 1, 0) * correlation)
    return weights


def normalised(logs: Logs, prior: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ratios to the prior whose mean by it is 1, of their logarithms [rows, genres]."""
    ratios = np.exp(logs - logs.max(axis=1, keepdims=True))
    scaled: NDArray[np.float64] = ratios / (ratios @ prior)[:, np.newaxis]
    return scaled


def _from_artists(
    of_album: Logs,
    tree: Tree,
    prior: NDArray[np.float64],
    correlation: NDArray[np.float64],
    artist: Strength,
) -> Logs:
    """[albums, genres] logarithm of what each album is told by the other albums of its artist."""
    if artist.weight == 0:
        return np.zeros_like(of_album)
    whole = effective(tree.recordings, correlation)[:, np.newaxis] * of_album
    says = np.log(artist.unity * normalised(whole, prior) + 1 - artist.unity)
    others = summed(says, tree.artist, len(tree.albums))[tree.artist] - says
    beside = tree.albums[tree.artist] - 1
    counted = effective(beside, np.full(len(beside), artist.correlation))[:, np.newaxis] * others
    told = artist.unity * normalised(counted, prior) + 1 - artist.unity
    heard: Logs = artist.weight * np.log(told)
    return heard
