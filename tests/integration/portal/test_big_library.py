"""The library that benchmarks and tests of size are made on is one as the portal itself leaves it."""

import pytest
from big_library import fill
from big_vectors import FMA_VERSION, MERT_VERSION
from portal.library.census import counts
from portal.library.models import Audio, Track, Vector
from portal.library.vectors import stored_vectors
from portal.training.dataset import survey, training_songs
from portal.verdicts.models import Prediction
from portal.verdicts.predictions import stage_verdicts

SONGS = 300
VERSIONS = {"fma": FMA_VERSION, "mert": MERT_VERSION}


@pytest.fixture
def library(genres: dict[str, int]) -> None:
    fill(SONGS)


def test_a_big_library_has_songs_audio_vectors_and_verdicts(library):
    assert (Track.objects.count(), Audio.objects.count(), Vector.objects.count()) == (SONGS, SONGS, 2 * SONGS)
    assert survey(VERSIONS).usable == sum(1 for _ in training_songs(VERSIONS)) > SONGS / 2
    said = counts()
    assert said["synced"] + said["removed"] == SONGS
    assert said["classified"] > said["out_of_distribution"] > 0


def test_its_vectors_are_read_as_stored_ones_are(library):
    found = stored_vectors([1, SONGS])
    assert [(each.kind, len(each.values)) for each in found[1]] == [("fma", 518), ("mert", 1024)]
    assert found[1][0].values != found[SONGS][0].values


def test_its_verdicts_can_be_read(library):
    for prediction in Prediction.objects.all():
        last = stage_verdicts(prediction.stages)[-1]
        assert (last.stage, last.top[0].genre) == (prediction.deciding_stage, prediction.genre.name)
