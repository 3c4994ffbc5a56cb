"""Songs whose files changed: what is extracted and classified anew, and what is not learned from meanwhile."""

from portal.extraction.extraction_run import store_extraction
from portal.library.models import Analysis, Library, Track
from portal.orchestration import engine
from portal.orchestration.start import (
    start_classify,
    start_extract,
    start_train,
)
from portal.remote.audio import ExtractionResult
from run_steps import SONGS, extracted, synced
from stand_in_services import BusyError


def test_a_file_that_changed_is_analysed_again(portal):
    extracted(portal)
    library = Library.objects.get(title="Music")
    Track.objects.filter(library=library, rating_key="1005").update(
        part_key="/library/parts/old", last_synced=None
    )
    synced(portal)
    assert Track.objects.get(rating_key="1005").analysis == Analysis.PENDING
    portal.finish(start_extract())
    assert portal.features.extracted.count("1005") == 2


def changed_file(portal, key="1005"):
    """The song after a sync that saw another file."""
    Track.objects.filter(rating_key=key).update(part_key="/library/parts/old", last_synced=None)
    synced(portal)
    song = Track.objects.get(rating_key=key)
    assert song.analysis == Analysis.PENDING
    return song


def test_a_file_that_changed_is_not_learned_from_before_it_was_analysed(portal):
    extracted(portal)
    song = changed_file(portal)
    portal.finish(start_train())
    assert len(portal.inference.taught) == SONGS - 1
    song.refresh_from_db()
    assert song.analysis == Analysis.PENDING


def test_a_file_that_changed_is_classified_by_what_it_sounds_like_now(portal):
    extracted(portal)
    song = changed_file(portal)
    portal.features.contents[song.rating_key] = "another recording"
    portal.finish(start_classify())
    song.refresh_from_db()
    assert (song.audio.content_key, song.analysis) == ("another recording", Analysis.CLASSIFIED)
    assert portal.features.decoded.count(song.rating_key) == 2


def test_a_file_that_was_only_retagged_is_classified_without_being_decoded_again(portal):
    extracted(portal)
    song = changed_file(portal)
    portal.finish(start_classify())
    song.refresh_from_db()
    assert song.analysis == Analysis.CLASSIFIED
    assert portal.features.decoded.count(song.rating_key) == 1
    assert all(request.vectors for request in portal.inference.asked)


def test_a_changed_file_that_features_cannot_read_is_left_to_inference_which_says_why(portal):
    extracted(portal)
    song = changed_file(portal)
    portal.features.faults = {song.rating_key: [BusyError("The service is busy.")]}
    portal.finish(start_classify())
    left = [request.audio.rating_key for request in portal.inference.asked if not request.vectors]
    assert left == [song.rating_key]


def test_a_file_that_changed_and_could_not_be_analysed_is_tried_again_and_never_classified_by_the_old_one(
    portal,
):
    extracted(portal)
    portal.finish(start_classify())
    song = changed_file(portal)
    portal.features.faults = {song.rating_key: [BusyError("The service is busy.")] * 5}
    run = start_extract()
    engine.begin(run.pk, portal.equipment())
    engine.work(run.pk, [song.pk], portal.equipment())
    engine.fail(run.pk, "Ended before another try.")
    song.refresh_from_db()
    assert (song.analysis, song.audio) == (Analysis.FAILED, None)
    assert not song.predictions.filter(current=True).exists()
    portal.features.faults = {}
    portal.finish(start_extract())
    song.refresh_from_db()
    assert song.analysis == Analysis.EXTRACTED


def test_what_was_said_out_of_fold_of_another_recording_does_not_stay(portal):
    extracted(portal)
    portal.inference.genre = "Pop_Rock"
    portal.finish(start_train())
    song = Track.objects.get(rating_key="1005")
    store_extraction(song, ExtractionResult(content_key="another recording"))
    song.save()
    portal.inference.genre = "Blues"
    portal.finish(start_classify(again=True))
    prediction = song.predictions.get(current=True)
    assert (prediction.genre.name, prediction.out_of_fold, prediction.suspected_label_error) == (
        "Blues",
        False,
        False,
    )
