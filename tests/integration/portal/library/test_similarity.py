"""Songs that sound alike, by pgvector in a real database: in one space, scaled, and never of two kinds."""

import re
from typing import Any

import numpy as np
import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from portal.library.models import Embedding, SimilaritySpace, Track, Vector
from portal.library.similarity import nearest, space
from songs import make_library, make_song

pytestmark = pytest.mark.django_db
RANDOM = np.random.default_rng(1)
SCALES = np.array([1e-3, 1.0, 1e3, 1e5, 0.0])
MEANS = np.array([0.5, -20.0, 4000.0, 1e5, 7.0])


@pytest.fixture
def values() -> np.ndarray:
    """Of 30 songs, FMA values of very different sizes, one of which is the same everywhere."""
    return RANDOM.normal(size=(30, 5)) * SCALES + MEANS


@pytest.fixture
def songs(values: np.ndarray) -> list[Track]:
    for place, kind in enumerate(("fma", "musicnn", "mert")):
        Embedding.objects.create(
            kind=kind,
            name=kind.upper(),
            position=place,
            available=True,
            version=f"{kind}/1",
            seen_time=timezone.now(),
        )
    library = make_library()
    tracks = [make_song(library, number, analysis="extracted") for number in range(len(values))]
    for track, own in zip(tracks, values, strict=True):
        give(track, "fma", own)
    return tracks


def give(track: Track, kind: str, own: Any, version: str = "1") -> None:
    column = "values" if kind == "fma" else "half_values"
    Vector.objects.create(audio=track.audio, kind=kind, version=f"{kind}/{version}", **{column: list(own)})


def cosines(values: np.ndarray, number: int) -> np.ndarray:
    deviation = values.std(axis=0)
    scaled = (values - values.mean(axis=0)) * np.where(
        deviation > 0, 1 / np.where(deviation > 0, deviation, 1), 0
    )
    unit = scaled / np.linalg.norm(scaled, axis=1, keepdims=True)
    return unit @ unit[number]


def test_neighbours_are_those_of_standardised_values(songs: list[Track], values: np.ndarray) -> None:
    found = nearest(songs[3], 5)
    expected = cosines(values, 3)
    order = [number for number in np.argsort(-expected) if number != 3][:5]
    assert [each.track for each in found] == [songs[number] for number in order]
    np.testing.assert_allclose([each.cosine for each in found], expected[order], atol=1e-4)


def test_the_space_is_fmas_until_every_song_but_one_has_the_next_ones_vector(songs: list[Track]) -> None:
    for song in songs[:-2]:
        give(song, "musicnn", RANDOM.normal(size=4))
    by = space()
    assert by
    assert by.kind == "fma"
    cache.clear()
    give(songs[-2], "musicnn", RANDOM.normal(size=4))
    by = space()
    assert by
    assert (by.kind, by.version, by.name) == ("musicnn", "musicnn/1", "MUSICNN")
    assert len(nearest(songs[0], 10)) == 10
    assert SimilaritySpace.objects.get().kind == "musicnn"
    cache.clear()
    Embedding.objects.filter(kind="musicnn").update(version="musicnn/2")
    by = space()
    assert by
    assert by.kind == "fma", "the vectors are of another version"


def test_values_of_any_size_are_compared(songs: list[Track]) -> None:
    sizes = np.array([1e-24, 1e-40, 1e30, 1.0, 0.0])
    values = np.concatenate([RANDOM.normal(size=(len(songs), 5)) * sizes, np.zeros((len(songs), 1))], axis=1)
    values[:, 5] = 1e-24  # the same everywhere
    values[0, 3] = 3e38  # one that is unlike all others
    for song, own in zip(songs, values, strict=True):
        Vector.objects.filter(audio=song.audio).update(values=list(own))
    assert len(nearest(songs[3], 40)) == len(songs) - 1
    tiny = np.array([1e-24, 1e-22, 1e-23, 1.0, 1e-24])
    for song, own in zip(songs, RANDOM.normal(size=(len(songs), 5)) * tiny, strict=True):
        Vector.objects.filter(audio=song.audio).update(values=list(own))
    SimilaritySpace.objects.all().delete()
    assert len(nearest(songs[3], 40)) == len(songs) - 1


def test_vectors_beyond_all_bounds_are_none_rather_than_an_error(songs: list[Track]) -> None:
    nearest(songs[3])
    Vector.objects.filter(audio=songs[4].audio).update(values=[3e38] * 5)
    SimilaritySpace.objects.update(mean=[-3e38] * 5)
    assert nearest(songs[3]) == []


def test_songs_that_cannot_be_analysed_keep_nobody_from_a_space(songs: list[Track]) -> None:
    for song in songs[1:]:
        give(song, "musicnn", RANDOM.normal(size=4))
    Track.objects.filter(pk=songs[0].pk).update(analysis="skipped")
    by = space()
    assert by
    assert by.kind == "musicnn"
    assert nearest(songs[0]) == []


def test_one_that_is_switched_off_is_no_space(songs: list[Track]) -> None:
    for song in songs:
        give(song, "musicnn", RANDOM.normal(size=4))
    Embedding.objects.filter(kind="musicnn").update(enabled=False)
    by = space()
    assert by
    assert by.kind == "fma"


def test_copies_of_the_recording_removed_songs_and_songs_without_vectors_are_left_out(
    songs: list[Track],
) -> None:
    likest = nearest(songs[3], 1)[0].track
    make_song(songs[3].library, 100, audio=songs[3].audio)
    make_song(songs[3].library, 101, audio=likest.audio)
    make_song(songs[3].library, 102)
    Track.objects.filter(pk=songs[5].pk).update(removed_time=timezone.now())
    found = [each.track for each in nearest(songs[3], 100)]
    assert len(found) == len({track.audio_id for track in found}) == len(songs) - 2
    assert found[0].audio_id == likest.audio_id
    assert nearest(make_song(songs[3].library, 103)) == []


def test_without_any_analysis_there_is_nothing(db: None) -> None:
    assert space() is None
    assert nearest(make_song(make_library(), 1)) == []


def test_the_page_of_a_song_lists_the_similar_ones_and_names_the_space(
    songs: list[Track], admin_client: Client
) -> None:
    address = f"/admin/library/track/{songs[3].pk}/similar"
    assert (
        f'data-similar-address="{address}"'
        in admin_client.get(f"/admin/library/track/{songs[3].pk}/change/").content.decode()
    )
    page = admin_client.get(address).content.decode()
    (listed,) = re.findall(r'id="similar">(.*?)</table>', page, re.DOTALL)
    assert "by FMA, which all songs have" in " ".join(listed.split())
    links = re.findall(r"/admin/library/track/(\d+)/change/", listed)
    assert links == [str(each.track.pk) for each in nearest(songs[3])]
    assert admin_client.get("/admin/library/track/999999/similar").status_code == 404
