"""First guesses as runs end: made by an analysis, never planned, written only as a person's word, gone with a model."""

import numpy as np
import pytest
from portal.first_guess.models import FirstGuess
from portal.first_guess.reading import first_guesses
from portal.labels.taken_guesses import take_guesses
from portal.ledger.models import WriteBatch
from portal.library.models import Track
from portal.orchestration.start import start_extract, start_plan, start_push, start_sync, start_train
from portal.orchestration.tasks import keep_first_guesses
from portal.registry.models import TrainedModel
from portal.runs.models import Run
from reclass.features.v1 import features_pb2
from tagged_songs import TAGS, VERSION, make_tagger, tag_song, tags_vector

SONGS = 12
FMA = features_pb2.VECTOR_KIND_FMA
ANYBODYS = 1000
"""A kind without a number of the contract's."""


@pytest.fixture
def guessed(portal):
    """Every song is guessed to be Jazz, and no model has been trained."""
    portal.inference.ready = False
    portal.finish(start_sync())
    portal.finish(start_extract())
    make_tagger()
    for track in Track.objects.exclude(audio=None):
        tag_song(track, jazz=0.8)
    portal.finish(start_extract())
    return portal


def test_an_analysis_ends_with_the_guesses_made(guessed):
    assert first_guesses().by_genre == {"Jazz": SONGS}


def test_a_minute_later_songs_that_got_tags_otherwise_are_guessed_too(guessed):
    FirstGuess.objects.all().delete()
    Track.objects.filter(rating_key="1001").update(audio=None)
    keep_first_guesses(0)
    assert first_guesses().by_genre == {"Jazz": SONGS - 1}


def test_guesses_alone_plan_nothing_and_the_dry_run_says_what_to_do(guessed):
    run = guessed.finish(start_plan(min_confidence=0.0))
    assert (run.state, run.batch) == (Run.State.DONE, None)
    assert not WriteBatch.objects.exists()
    assert f"{SONGS} songs have no more than a first guess" in run.message
    assert "`reclass train`" in run.message
    some = list(Track.objects.order_by("pk").values_list("pk", flat=True)[:2])
    assert "2 songs have no more" in guessed.finish(start_plan(some, min_confidence=0.0)).message


def test_a_guess_that_a_person_has_taken_is_written_as_their_word(guessed):
    track = Track.objects.get(rating_key="1001")
    assert take_guesses([track.pk], tagged=True, user=None) == 1
    batch = guessed.finish(start_plan(min_confidence=0.7)).batch
    assert [(row.track_id, row.source, row.after_genres) for row in batch.rows.all()] == [
        (track.pk, "person", ["Jazz"])
    ]
    guessed.finish(start_push(batch))
    assert guessed.plex.state(1001)[0] == ["Jazz"]
    assert guessed.plex.state(1002)[0] != ["Jazz"]


def test_a_training_ends_the_guesses_and_a_minute_without_a_model_brings_them_back(guessed):
    guessed.inference.ready = True
    guessed.finish(start_train())
    assert TrainedModel.objects.filter(state=TrainedModel.State.IN_SERVICE).exists()
    assert not FirstGuess.objects.exists()
    TrainedModel.objects.update(state=TrainedModel.State.RETIRED)
    keep_first_guesses(0)
    assert FirstGuess.objects.count() == SONGS


def test_tags_of_an_embedding_that_features_tells_of_become_guesses_by_the_analysis_alone(portal):
    portal.inference.ready = False
    portal.features.versions[ANYBODYS] = VERSION
    portal.features.cards[ANYBODYS] = {
        "name": "Tagger",
        "tags": [features_pb2.TagOutput(name=name, reference_mean=mean) for name, mean in TAGS.items()],
    }
    portal.features.audio["1001"] = {
        FMA: np.zeros(518, np.float32),
        ANYBODYS: np.array(tags_vector({"Hip-Hop": 0.9}).values, np.float32),
    }
    portal.finish(start_sync())
    portal.finish(start_extract(track_ids=[Track.objects.get(rating_key="1001").pk]))
    assert first_guesses().by_genre == {"Rap": 1}
