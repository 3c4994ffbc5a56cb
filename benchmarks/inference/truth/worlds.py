"""A library of known posterior: what is seen of its songs, and what whoever made it would think of them."""

from dataclasses import dataclass, fields, replace

import numpy as np
from inference.arrays import Array, Bools, Ints
from numpy.typing import NDArray

Posterior = NDArray[np.float64]
"""[songs, genres] probability that a song is of each genre; a row sums to 1, and to more where songs have two."""


@dataclass(frozen=True, kw_only=True)
class Songs:
    """Songs with their truth; all arrays have one row a song."""

    vectors: Array
    """[songs, n] float32; n is 0 where the sound is simulated as probabilities."""
    truth: Bools
    """[songs, genres] the genres that they are of."""
    tags: Bools
    """[songs, genres] the genres that their tags name; none: untagged."""
    artists: Ints
    """[songs] -1 where the album is nobody's."""
    groups: Ints
    """[songs] what a training keeps on one side: the artist, with guests, and other names of one recording."""
    albums: Ints
    """[songs] -1: on none."""
    kinds: Ints
    """[songs] of the album: 0 an artist's, 1 a compilation, 2 a soundtrack."""
    recordings: Ints
    """[songs]"""
    by_sound: Posterior
    """p(genre | own sound), exactly."""
    by_tag: Posterior
    """p(genre | own sound, own tag), exactly."""
    by_mates: Posterior
    """p(genre | own sound and tag, sound of the artist's other songs), exactly; the truth where nobody knows that."""

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def genre(self) -> NDArray[np.intp]:
        """[songs] the first genre of each."""
        return self.truth.argmax(axis=1)

    @property
    def is_tagged(self) -> Bools:
        """[songs] it has a tag."""
        tagged: Bools = self.tags.any(axis=1)
        return tagged

    @property
    def tag_is_wrong(self) -> Bools:
        """[songs] it has a tag, and that names no genre of it."""
        wrong: Bools = self.is_tagged & ~(self.tags & self.truth).any(axis=1)
        return wrong

    def only(self, rows: Bools | NDArray[np.intp]) -> "Songs":
        """These of the songs."""
        return Songs(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def without_tags(self) -> "Songs":
        """The same songs before anybody tagged them."""
        return replace(self, tags=np.zeros_like(self.tags))


@dataclass(frozen=True, kw_only=True)
class World:
    """A simulated library, and songs that come to it."""

    library: Songs
    """Tagged; it is learned from."""
    fresh: Songs
    """Untagged, of artists that the library has not."""
    noise_rate: float = 0.0
    """Planted: the probability that a tag is wrong."""

    @property
    def genres(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(f"genre {number:02}" for number in range(self.library.truth.shape[1]))

    @property
    def has_vectors(self) -> bool:
        """Whether a training can learn from it; else its sound is simulated."""
        return self.library.vectors.shape[1] > 0
