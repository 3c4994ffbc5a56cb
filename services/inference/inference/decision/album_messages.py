"""What a song's album and artist say of its genre: messages in the tree artist, album, song.

An album is of one genre to a degree, its `unity` u: a song of an album of genre a is of genre a with probability u, and
of any genre, as often as it occurs, otherwise. So a song j of the album says of a: u * L_j(a) + 1 - u, with L_j the
likelihood ratio of its sound. Errors of songs of an album go together (same mastering, same style), so n others count
as n / (1 + (n - 1) * correlation) of them. Albums speak to their artist, and the artist to its albums, in the same way.
No song hears itself: what it gets is made of the others alone (the sum-product algorithm on a tree).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Ints
from inference.decision.evidence import Evidence, numbered

Logs = NDArray[np.float64]


class Strength(NamedTuple):
    """How much the members of a whole say of each other."""

    unity: float
    """Share of the members that are of the genre of the whole."""
    correlation: float
    """Of the errors of two members: 0, each counts; 1, all together count as one."""
    weight: float
    """Of the message, as an exponent."""
    own: float
    """Of the song's own sound beside a message, as an exponent: what both share would count twice."""

    def towards(self, other: "Strength", share: float) -> "Strength":
        """So far on the way to the other one."""
        return Strength(*((1 - share) * mine + share * its for mine, its in zip(self, other, strict=True)))


NOTHING = Strength(unity=0.0, correlation=1.0, weight=0.0, own=1.0)


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
    songs_of_recordings: "Members"
    recordings_of_albums: "Members"
    albums_of_artists: "Members"

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
        songs_of_recordings=Members.of(recording),
        recordings_of_albums=Members.of(album_of_recording),
        albums_of_artists=Members.of(artist),
    )


def _first(groups: Ints) -> Ints:
    return np.unique(groups, return_index=True)[1]


@dataclass(frozen=True, kw_only=True)
class Members:
    """Which rows are of which whole, so that they are summed without a loop."""

    order: Ints
    starts: Ints

    @classmethod
    def of(cls, whole: Ints) -> "Members":
        """whole : [rows] number of each one's whole, from 0, none of them empty."""
        order = np.argsort(whole, kind="stable")
        return cls(order=order, starts=np.flatnonzero(np.diff(whole[order], prepend=-1)))

    def summed(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """[wholes, genres] sums of the rows of each; values [rows, genres]."""
        if not len(self.order):
            return np.zeros((0, values.shape[1]))
        return np.asarray(np.add.reduceat(values[self.order], self.starts, axis=0))


def messages(
    log_ratios: Logs,
    tree: Tree,
    prior: NDArray[np.float64],
    strengths: NDArray[np.float64],
    artist: Strength,
    said: Logs | None = None,
) -> Logs:
    """[songs, genres] logarithm of what each song is told, as a ratio to the prior; 0 where nobody speaks.

    log_ratios : [songs, genres] logarithm of the sound's likelihood ratios. said : the same of what each song tells the
    others, where that is not what it sounds like. strengths : [albums, 4] the values of `Strength` for each. What the
    song's own sound counts less beside others is taken off.
    """
    unity, correlation, weight, beside = strengths.T
    # A song that is alone on its album is all that the album is.
    is_single = tree.recordings == 1
    unity, weight = np.where(is_single, 1.0, unity), np.where(is_single, 1.0, weight)
    own = unity[tree.album][:, np.newaxis]
    says = np.log(own * np.exp(log_ratios if said is None else said) + 1 - own)
    of_recording = tree.songs_of_recordings.summed(says) / tree.copies[:, np.newaxis]
    of_album = tree.recordings_of_albums.summed(of_recording)
    above = _from_artists(of_album, tree, prior, correlation, artist)
    others = of_album[tree.album] - of_recording[tree.recording]
    counted = effective(tree.others, correlation[tree.album])[:, np.newaxis] * others + above[tree.album]
    told = own * normalised(counted, prior) + 1 - own
    less = np.where(tree.others > 0, beside[tree.album] - 1, 0)[:, np.newaxis]
    answer: Logs = weight[tree.album][:, np.newaxis] * np.log(told) + less * log_ratios
    return answer


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
    others = tree.albums_of_artists.summed(says)[tree.artist] - says
    beside = tree.albums[tree.artist] - 1
    counted = effective(beside, np.full(len(beside), artist.correlation))[:, np.newaxis] * others
    told = artist.unity * normalised(counted, prior) + 1 - artist.unity
    answer: Logs = artist.weight * np.log(told)
    return answer
