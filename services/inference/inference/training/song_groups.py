"""Which songs are too much alike to be on both sides of a split: those of an artist, an album, a recording.

A song by "X feat. Y" sounds like X's own: were one learned from and the other tested on, the test would flatter. So
songs are united, in one union-find, from the strongest reason to the weakest: the same leading artist, the same
recording, the album of an artist, a compilation. What is united goes on growing over guests and compilations until it
is half of the library (it percolates), so no union makes a group larger than `MOST_OF_ALL` of the songs; the reasons
that are left out for that are counted. An artist with more songs stays whole.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import DisjointSet

from inference.decision.credits import Credit, digest, leads_and_owners, plain, without_guests

MOST_OF_ALL = 0.05
FEWEST = 20
"""Of songs in a group before it can be too large: 5 % of a small library is less than an album."""
MOST_OF_A_GENRE = 0.25
"""Of a genre's songs in a group that was united: less than a test part takes, so that each genre keeps one."""


@dataclass(frozen=True, kw_only=True)
class SongGroups:
    """The group of each song, and what was not united."""

    numbers: NDArray[np.int64]
    """[songs] one number a group. An artist keeps it from training to training, so that the same are held out."""
    cut_links: int = 0
    """Reasons to unite two groups that would have made one of more than `MOST_OF_ALL` of the songs."""


def group_songs(
    credits: Sequence[Credit],
    labels: Sequence[int] | None = None,
    *,
    copies: Iterable[tuple[int, int]] = (),
    same_recordings: Iterable[tuple[int, int]] = (),
) -> SongGroups:
    """Unite songs; pairs of rows are `copies` of one audio, or `same_recordings` with nearly the same sound.

    labels : of each song its genre, of which no union may hold most. What is left apart depends on the songs, and not
    on the order in which they come.
    """
    order = sorted(range(len(credits)), key=lambda row: credits[row].song_id)
    place = {row: number for number, row in enumerate(order)}
    credits = [credits[row] for row in order]
    leads, owners = leads_and_owners(credits)
    by_lead = _rows_by(leads)
    united = _Union([0 if labels is None else labels[row] for row in order], bounded=labels is not None)
    for one, other in (*_chained(by_lead.values()), *_placed(copies, place)):
        united.merge(one, other)
    on_albums = ((row, by_lead[owner][0]) for row, owner in enumerate(owners) if owner in by_lead)
    compilations = sorted(_compilations(credits, owners), key=len)
    cut = 0
    for one, other in (*_placed(same_recordings, place), *on_albums, *_chained(compilations)):
        if united.may_merge(one, other):
            united.merge(one, other)
        else:
            cut += 1
    numbers = np.empty(len(credits), dtype=np.int64)
    numbers[order] = _numbers(united.songs, leads)
    return SongGroups(numbers=numbers, cut_links=cut)


class _Union:
    """The union-find, and how many songs of each genre a group holds."""

    def __init__(self, labels: Sequence[int], *, bounded: bool) -> None:
        self.songs = DisjointSet(range(len(labels)))
        self._largest = max(FEWEST, int(MOST_OF_ALL * len(labels)))
        totals = Counter(labels)
        # Two songs may always be one: a recording under two names.
        self._most = {
            genre: max(2, int(MOST_OF_A_GENRE * total)) if bounded else total
            for genre, total in totals.items()
        }
        self._genres = [Counter([label]) for label in labels]

    def may_merge(self, one: int, other: int) -> bool:
        """Whether they are one already, or would not be too many together."""
        if self.songs.connected(one, other):
            return True
        together = self._genres[self.songs[one]] + self._genres[self.songs[other]]
        return together.total() <= self._largest and all(
            count <= self._most[genre] for genre, count in together.items()
        )

    def merge(self, one: int, other: int) -> None:
        if not self.songs.connected(one, other):
            together = self._genres[self.songs[one]] + self._genres[self.songs[other]]
            self.songs.merge(one, other)
            self._genres[self.songs[one]] = together


def _placed(pairs: Iterable[tuple[int, int]], place: Mapping[int, int]) -> list[tuple[int, int]]:
    return sorted((place[one], place[other]) for one, other in pairs)


def credit_numbers(credits: Sequence[Credit]) -> NDArray[np.int64]:
    """[songs] a number for each one's credit as it stands, without guests: the same whichever songs come with it."""
    names = (without_guests(each.artist) or f"song {each.song_id}" for each in credits)
    return np.fromiter(map(digest, names), dtype=np.int64, count=len(credits))


def _compilations(credits: Sequence[Credit], owners: Sequence[str]) -> list[list[int]]:
    """Rows of the songs of each album that has a name and is nobody's."""
    keys = (
        (plain(each.album_artist), plain(each.album))
        if each.album and each.album_artist and not owner
        else None
        for each, owner in zip(credits, owners, strict=True)
    )
    return list(_rows_by(keys).values())


def _rows_by(keys: Iterable[Hashable]) -> dict[Hashable, list[int]]:
    """Rows by key, without those of an empty one."""
    rows: dict[Hashable, list[int]] = {}
    for row, key in enumerate(keys):
        if key:
            rows.setdefault(key, []).append(row)
    return rows


def _chained(sets: Iterable[Sequence[int]]) -> Iterator[tuple[int, int]]:
    for rows in sets:
        yield from pairwise(rows)


def _numbers(united: DisjointSet, leads: Sequence[str]) -> NDArray[np.int64]:
    """Of each song the number of its group's most frequent artist."""
    numbers = np.empty(len(leads), dtype=np.int64)
    for rows in united.subsets():
        names = Counter(leads[row] for row in rows)
        numbers[list(rows)] = digest(min(names, key=lambda name: (-names[name], name)))
    return numbers
