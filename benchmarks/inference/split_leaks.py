"""How much a test flatters where songs of one artist bear several names, and how much less once they are united.

Which artists a test part draws is chance: of some 26 artists it moves an accuracy by more than the target. So the same
is printed of all folds together, each of which is a test part to the head that has not learned from it; and without the
luck of the draw, which a plain discriminant shows: told whose song each is, and with nothing chosen, it flatters by
nothing on average, and what it does in a library is luck.
"""

import os
from collections.abc import Mapping

import numpy as np
from inference.arrays import Array, Bools, Ints
from inference.classify.probabilities import softmax
from inference.decision.credits import Credit
from inference.evaluation.calibration import expected_calibration_error
from inference.training.dataset import Dataset, single_label_dataset
from inference.training.fitting import DISCRIMINANT, Recipe, fit_head
from inference.training.head import Head
from inference.training.options import TrainingOptions
from inference.training.same_recordings import same_recordings
from inference.training.song_groups import group_songs
from inference.training.splits import grouped_folds
from inference.training.stage_training import train_stage

SEEDS = int(os.environ.get("BENCH_SEEDS", "10"))
GENRES, ARTISTS, SONGS, WIDTH, HIDDEN = 16, 8, 6, 518, 40
GUESTS = 0.25
COPIES = 0.02
PLAIN = Recipe(algorithm=DISCRIMINANT, shrinkage=0.6)


def main() -> None:
    """Print held-out accuracy and calibration error minus the true ones, by names as they are and by groups."""
    print(
        f"{GENRES} genres x {ARTISTS} artists x {SONGS} songs, strong artists; {GUESTS:.0%} of the songs with a guest, "
        f"{COPIES:.0%} under another name too; {SEEDS} libraries\n"
    )
    gaps = {"names": [], "groups": []}
    for seed in range(SEEDS):
        library = Simulated(seed)
        for way, groups in (("names", library.by_name()), ("groups", library.grouped())):
            gaps[way].append(library.gaps(groups))
    print(
        f"{'':8}{'accuracy - truth':>24}{'of all folds':>24}{'without luck':>24}{'reported ECE - true':>24}"
    )
    for way, found in gaps.items():
        means = np.mean(found, axis=0)
        errors = 2 * np.std(found, axis=0, ddof=1) / np.sqrt(SEEDS)
        figures = (f"{mean:+.3f} ± {error:.3f}" for mean, error in zip(means, errors, strict=True))
        print(f"{way:8}" + "".join(f"{figure:>24}" for figure in figures) + "   (2 s.e.)")
    *_, accuracy, calibration = np.mean(gaps["groups"], axis=0)
    print(_verdict("accuracy minus truth, of all folds and without luck", accuracy))
    print(_verdict("reported calibration error minus the true one", calibration))


def _verdict(what: str, gap: float) -> str:
    return (
        f"target {'reached' if abs(gap) <= 0.015 else 'MISSED'}: {what} {gap:+.3f} on average (within 0.015)"
    )


class Simulated:
    """A library of known truth, its credits, and fresh songs of artists that it has not."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._seed = seed
        self._centres = self._random.normal(size=(GENRES, HIDDEN)) * 0.9
        self._view = self._random.normal(size=(HIDDEN, WIDTH)) / np.sqrt(HIDDEN)
        self._scale = np.exp(2.0 * self._random.normal(size=WIDTH))
        self.vectors, self.genres, artists = self._songs(ARTISTS, SONGS)
        self.credits = [
            f"artist {artist}" + (f" feat. guest {song}" if self._random.random() < GUESTS else "")
            for song, artist in enumerate(artists)
        ]
        again = self._random.permutation(len(self.genres))[: round(COPIES * len(self.genres))]
        noise = 0.05 * self.vectors.std(axis=0) * self._random.normal(size=(len(again), WIDTH))
        self.vectors = np.concatenate([self.vectors, self.vectors[again] + noise.astype(np.float32)])
        self.genres = np.concatenate([self.genres, self.genres[again]])
        self.credits += [f"alias {song}" for song in again]
        self.artists = np.concatenate([artists, artists[again]])
        self.fresh, self.fresh_genres, _ = self._songs(40, 2)

    def _songs(self, artists: int, each: int) -> tuple[Array, Ints, Ints]:
        genre_of = np.repeat(np.arange(GENRES), artists)
        offsets = self._random.normal(size=(len(genre_of), HIDDEN)) * 1.2
        artist = np.repeat(np.arange(len(genre_of)), each)
        places = self._centres[genre_of[artist]] + offsets[artist]
        places += self._random.normal(size=places.shape) * 0.6
        vectors = places @ self._view + 0.3 * self._random.normal(size=(len(artist), WIDTH))
        return (vectors * self._scale).astype(np.float32), genre_of[artist], artist

    def by_name(self) -> Ints:
        """Groups of songs whose credits are equal."""
        return np.unique(self.credits, return_inverse=True)[1]

    def grouped(self) -> Ints:
        """Groups as a training makes them."""
        credits = [Credit(song_id=str(number), artist=artist) for number, artist in enumerate(self.credits)]
        return group_songs(credits, same_recordings=same_recordings(self.vectors)).numbers

    def gaps(self, groups: Ints) -> tuple[float, float, float, float]:
        """Held-out accuracy minus that on fresh songs, of the test part, of all folds, and of these without luck;
        reported calibration error minus that of the model there.
        """
        songs = self._dataset(groups)
        trained = train_stage(songs, TrainingOptions(seed=self._seed), lambda step, fraction: None)
        gap = trained.held_out.accuracy - self._truth(trained.held_out_head)
        of_folds = self._gap(trained.fold_heads, trained.folds)
        served = softmax(trained.head.logits(self.fresh) / trained.scaling.temperature)
        true_error = expected_calibration_error(served, self.fresh_genres)
        reported = trained.out_of_fold.calibration.after
        return gap, of_folds, of_folds - self._luck(), reported - true_error

    def _luck(self) -> float:
        """What a model that flatters by nothing on average does in this library."""
        folds = grouped_folds(self.genres, self.artists, folds=5, seed=self._seed)
        songs = self._dataset(self.artists)
        heads = {fold: fit_head(songs.only(folds != fold), PLAIN, seed=0) for fold in range(5)}
        return self._gap(heads, folds)

    def _gap(self, heads: Mapping[int, Head], folds: Ints) -> float:
        """Accuracy of heads on the songs of their folds, minus that on fresh songs."""
        gaps = [self._right(head, folds == fold) - self._truth(head) for fold, head in heads.items()]
        return float(np.concatenate(gaps).mean())

    def _dataset(self, groups: Ints) -> Dataset:
        names = tuple(f"genre {number:02}" for number in range(GENRES))
        return single_label_dataset(self.vectors, self.genres, groups, names)

    def _right(self, head: Head, own: Bools) -> Bools:
        return head.logits(self.vectors[own]).argmax(axis=1) == self.genres[own]

    def _truth(self, head: Head) -> float:
        """Its accuracy on fresh songs."""
        return float((head.logits(self.fresh).argmax(axis=1) == self.fresh_genres).mean())


if __name__ == "__main__":
    main()
