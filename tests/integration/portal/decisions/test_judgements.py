"""Which songs are put to a person, what is kept of what they say, and what inference is told of it."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from portal.decisions.album import album_mates
from portal.decisions.deciding import anything_outdated, decide_outdated
from portal.decisions.judge import NotAskedError, judge
from portal.decisions.judged import contradictions_judged
from portal.decisions.queue import AGREEMENT, STRATA, is_contradiction_left, next_question, order
from portal.decisions.reading import calibration_sentence, current_reading, judgements_to_go, promise_sentence
from portal.genres.models import Genre
from portal.labels.precedence import song_labels
from portal.library.models import Analysis, InPlex, Library, Track
from portal.verdicts.judgements import JUDGED, judged_together, judgement_count, none_is_right
from portal.verdicts.models import Decision, Judgement, Override, Prediction, Reading
from portal.verdicts.overrides import clear_override, set_override
from songs import THEN, add_prediction, make_library, make_serving_model, make_song

pytestmark = pytest.mark.usefixtures("genres")
HEAD = "genre_fma/3"
CONFIDENCES = (0.4, 0.6, 0.8, 0.9)


def genre(name: str) -> Genre:
    return Genre.objects.get(name=name)


@pytest.fixture
def library(db: None) -> Library:
    """Beside a model in service that has learned three genres."""
    make_serving_model(HEAD, ("Jazz", "Folk", "Rap"))
    return make_library()


def song(
    library: Library,
    number: int,
    *,
    tag: str = "Folk",
    sound: str = "Jazz",
    confidence: float = 0.9,
    **more: Any,
) -> Track:
    """Of an artist of its own, unless one is named."""
    said = {name: more.pop(name) for name in ("outcome", "model_version", "random_weights") if name in more}
    fields = {"artist": f"Artist {number}", "tag_genre": genre(tag) if tag else None, **more}
    track = make_song(library, number, analysis=Analysis.CLASSIFIED, **fields)
    add_prediction(
        track, genre(sound), confidence, **{"outcome": "classified", "model_version": HEAD, **said}
    )
    return track


def judge_next(name: str | None = "Jazz") -> Judgement:
    question = next_question()
    assert question is not None
    return judge(question.track_id, genre(name) if name else None, by=None)


def test_three_of_four_songs_contradict_the_model_as_many_of_each_confidence_and_the_rest_are_of_all_genres(
    library: Library,
) -> None:
    for number in range(120):
        song(library, number, confidence=CONFIDENCES[number % 4])
    for number in range(120, 240):
        name = "Rap" if number % 12 else "Folk"
        song(library, number, tag=name, sound=name)
    for _ in range(32):
        judge_next()
    asked = Counter(Judgement.objects.values_list("stratum", flat=True))
    assert asked == {AGREEMENT: 8, **dict.fromkeys(STRATA, 6)}
    assert Counter(Judgement.objects.filter(kind="agreement").values_list("track__tag_genre__name", flat=True)) == {
        "Rap": 4, "Folk": 4,
    }  # fmt: skip


def test_where_a_kind_has_no_songs_left_the_others_go_on(library: Library) -> None:
    song(library, 1, confidence=0.6)
    song(library, 2, tag="Rap", sound="Rap")
    assert [judge_next().stratum, judge_next().stratum] == ["0.5 to 0.7", AGREEMENT]
    assert next_question() is None


def test_whether_a_contradiction_is_left_is_known_beyond_the_songs_that_are_kept(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.decisions.queue.KEPT_SONGS", 1)
    for number in (2, 3):
        song(library, number, confidence=0.6)
    for number in range(4, 10):
        song(library, number, tag="Rap", sound="Rap")
    left = []
    while next_question().stratum != AGREEMENT or is_contradiction_left():
        left.append(judge_next().stratum)
    assert left == [STRATA[2], STRATA[2]]


@pytest.mark.parametrize(
    ("judged", "first"),
    [
        ({}, STRATA[0]),
        (dict.fromkeys(STRATA[:2], 1), STRATA[2]),
        (dict.fromkeys(STRATA[:3], 1), AGREEMENT),
        ({**dict.fromkeys(STRATA, 3), AGREEMENT: 4}, STRATA[0]),
    ],
)
def test_a_quarter_are_agreements(judged: dict[str, int], first: str) -> None:
    assert order(judged)[0] == first
    assert sorted(order(judged)) == sorted((AGREEMENT, *STRATA))


def test_songs_that_came_or_went_since_the_first_were_looked_up_are_minded(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.decisions.queue.KEPT_SONGS", 1)
    tracks = [song(library, number) for number in range(4)]
    for _ in range(3):
        judge_next()
    last = next_question()
    assert last.track_id in {track.pk for track in tracks}
    remove(Track.objects.get(pk=last.track_id))
    assert next_question() is None
    new = song(library, 9)
    assert next_question().track_id == new.pk


@pytest.mark.parametrize("kept", [1, 3])
def test_who_skips_more_songs_than_are_kept_of_a_stratum_is_asked_about_its_others(
    library: Library, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    monkeypatch.setattr("portal.decisions.queue.KEPT_SONGS", kept)
    for number in range(8):
        song(library, number)
        song(library, 10 + number, confidence=0.6)
    first = next_question()
    skipped: list[int] = []
    while (question := next_question(skipped)) and question.stratum == STRATA[0]:
        skipped.append(question.track_id)
    assert len(set(skipped)) == len(skipped) == 8
    assert next_question() == first, "what one skips is kept for the others"


def test_songs_that_are_kept_are_not_looked_for_again_by_who_skipped_many(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.decisions.queue.KEPT_SONGS", 2)
    for number in range(9):
        song(library, number)
    skipped: list[int] = []
    for _ in range(5):
        skipped.append(next_question(skipped).track_id)
    next_question(skipped)
    calls: list[object] = []
    monkeypatch.setattr("portal.decisions.queue._first", calls.append)
    assert next_question(skipped) is not None
    assert calls == []


def test_an_artist_is_asked_about_once_in_any_spelling_and_songs_of_nobody_each(library: Library) -> None:
    for number, artist in enumerate(("Björk", "björk ", "", "")):
        song(library, number, artist=artist)
    for _ in range(3):
        judge_next()
    assert next_question() is None
    assert Judgement.objects.filter(track__artist="").count() == 2


def exclude(track: Track) -> None:
    track.in_plex = InPlex.EXCLUDED
    track.save()


def remove(track: Track) -> None:
    track.removed_time = THEN
    track.save()


@pytest.mark.parametrize(
    "never",
    [
        lambda library: song(library, 1, tag=""),
        lambda library: song(
            library, 1, tag="Blues"
        ),  # which the model has not learned: it cannot but contradict
        lambda library: song(library, 1, outcome="out_of_distribution"),
        lambda library: song(library, 1, random_weights=True),
        lambda library: song(library, 1, model_version="genre_fma/2"),
        lambda library: song(library, 1, file=""),
        lambda library: exclude(song(library, 1)),
        lambda library: remove(song(library, 1)),
        lambda library: set_override([song(library, 1).pk], genre("Rap"), note="", user=None),
    ],
)
def test_songs_that_are_never_asked_about(library: Library, never: Callable[[Library], object]) -> None:
    never(library)
    assert next_question() is None
    asked = song(library, 2)
    assert next_question().track_id == asked.pk


def test_a_song_that_sounds_like_a_genre_that_is_out_of_use_is_not_asked_about(library: Library) -> None:
    song(library, 1)
    Genre.objects.filter(name="Jazz").update(retired=True)
    assert next_question() is None


def test_the_order_stays_and_skipped_songs_are_left_out(library: Library) -> None:
    for number in range(20):
        song(library, number)
    first = next_question()
    assert next_question() == first
    assert next_question([first.track_id]) not in (first, None)
    ids = list(Track.objects.order_by("pk").values_list("pk", flat=True))
    assert first.track_id != ids[0] or next_question([ids[0]]).track_id != ids[1]


def test_people_who_judge_at_once_are_seldom_asked_about_the_same_song(library: Library) -> None:
    for number in range(20):
        song(library, number)
    asked = [next_question(asker=str(person)) for person in range(8)]
    assert len({each.track_id for each in asked if each}) > 3
    assert [next_question(asker=str(person)) for person in range(8)] == asked


def test_the_next_song_takes_a_constant_number_of_queries(library: Library, queries_of: Any) -> None:
    for number in range(3):
        song(library, number)
    few = queries_of(next_question)
    for number in range(3, 40):
        song(library, number)
    judge_next()
    assert queries_of(next_question) == few <= 6


def test_a_judgement_stands_as_the_persons_word_also_where_it_confirms_the_tag(library: Library) -> None:
    user = User.objects.create_user("nina")
    track = song(library, 1)
    said = judge(track.pk, genre("Folk"), by=user)
    assert (said.genres, said.kind, said.stratum, said.by) == (
        [genre("Folk").pk],
        "disagreement",
        "from 0.85",
        user,
    )
    assert Override.objects.get(track=track).genre.name == "Folk"


def test_none_of_ours_sets_no_genre_and_is_not_learned_from_by_its_tag(library: Library) -> None:
    track, other = song(library, 1), song(library, 2)
    assert judge(track.pk, None, by=None).genres == []
    assert not Override.objects.exists()
    assert set(song_labels([track.pk, other.pk])) == {other.pk}
    set_override([track.pk], genre("Rap"), note="", user=None)
    assert song_labels([track.pk])[track.pk].genre == "Rap"


def test_said_twice_it_counts_once_and_who_comes_second_is_told(library: Library) -> None:
    nina, otto = User.objects.create_user("nina"), User.objects.create_user("otto")
    track = song(library, 1)
    assert judge(track.pk, genre("Jazz"), by=nina) == judge(track.pk, genre("Jazz"), by=nina)
    with pytest.raises(NotAskedError, match="nina"):
        judge(track.pk, genre("Folk"), by=otto)
    with pytest.raises(NotAskedError, match="gone"):
        judge(track.pk + 1000, genre("Folk"), by=otto)
    assert Override.objects.get().genre.name == "Jazz"


def test_a_song_whose_genre_was_set_or_whose_artist_was_judged_meanwhile_is_not_judged(
    library: Library,
) -> None:
    one, same_artist, other = song(library, 1), song(library, 2, artist="Artist 1"), song(library, 3)
    judge(one.pk, genre("Jazz"), by=None)
    set_override([other.pk], genre("Rap"), note="", user=None)
    with pytest.raises(NotAskedError, match="artist"):
        judge(same_artist.pk, genre("Jazz"), by=None)
    with pytest.raises(NotAskedError, match="Rap"):
        judge(other.pk, genre("Jazz"), by=None)
    assert Override.objects.get(track=other).genre.name == "Rap"


def test_another_genre_set_later_is_what_was_judged_and_who_takes_it_back_has_judged_nothing(
    library: Library,
) -> None:
    track = song(library, 1)
    judge(track.pk, genre("Jazz"), by=None)
    set_override([track.pk], genre("Rap"), note="", user=None)
    assert Judgement.objects.get().genres == [genre("Rap").pk]
    clear_override([track.pk])
    assert not Judgement.objects.exists()
    assert next_question().track_id == track.pk


def album(library: Library, first: int, count: int, **more: Any) -> list[Track]:
    """Songs of one artist on one album."""
    of_album = {"artist": "The Band", "album_artist": "The Band", "album": "Hits", **more}
    return [song(library, number, **of_album) for number in range(first, first + count)]


def test_a_whole_album_is_one_judgement_and_the_queue_goes_on_to_another_artist(
    portal: Any, library: Library
) -> None:
    songs, other = album(library, 1, 4), song(library, 9)
    pending = album(library, 5, 1)[0]
    Prediction.objects.filter(track=pending).delete()
    judge(songs[0].pk, genre("Rap"), by=None, whole_album=True)
    assert set(Override.objects.values_list("track", "genre__name")) == {
        (each.pk, "Rap") for each in (*songs, pending)
    }
    assert judgement_count() == 1
    assert next_question().track_id == other.pk
    reading = current_reading(portal.services.decisions)
    assert (reading.judgements, reading.judged_songs) == (1, 4)
    assert Counter(Judgement.objects.values_list("kind", "stratum")) == {
        ("disagreement", "from 0.85"): 1, ("album", ""): 4,
    }  # fmt: skip


def test_judgements_are_counted_of_songs_that_contradict_the_model_and_are_of_a_genre(
    library: Library,
) -> None:
    songs, others = album(library, 1, 3), [song(library, number) for number in range(10, 13)]
    agrees = song(library, 20, tag="Rap", sound="Rap")
    also_tagged = song(library, 21, additional_tag_genres=[genre("Jazz").pk])
    judge(songs[0].pk, genre("Jazz"), by=None, whole_album=True)
    judge(others[0].pk, genre("Folk"), by=None)
    assert contradictions_judged() == 2
    judge(others[1].pk, None, by=None)
    for track in (agrees, also_tagged):
        judge(track.pk, genre("Jazz"), by=None)
    judge(others[2].pk, genre("Blues"), by=None)
    assert contradictions_judged() == 2
    Prediction.objects.filter(track=others[0]).update(model_version="genre_fma/2")
    assert contradictions_judged() == 1


def in_another_library(library: Library, track: Track) -> None:
    track.library = make_library("Other")
    track.save()


@pytest.mark.parametrize(
    "not_of_it",
    [
        {"album": "Others"},
        {"album": ""},
        {"album_artist": "Somebody"},
        exclude,
        remove,
        lambda track: in_another_library(track.library, track),
        lambda track: set_override([track.pk], genre("Folk"), note="", user=None),
    ],
)
def test_songs_that_a_word_on_the_album_is_not_said_of(library: Library, not_of_it: Any) -> None:
    asked, left = song(library, 1, album="Hits", album_artist="A"), None
    if callable(not_of_it):
        left = song(library, 2, album="Hits", album_artist="A")
        not_of_it(left)
    else:
        left = song(library, 2, **{"album": "Hits", "album_artist": "A", **not_of_it})
    assert not album_mates(asked).exists()
    said = judge(asked.pk, genre("Jazz"), by=None, whole_album=True)
    assert said.act == ""
    assert not Override.objects.filter(track=left, genre__name="Jazz").exists()


def test_songs_without_an_album_stand_alone(library: Library) -> None:
    one, _ = (song(library, number, album="", album_artist="A") for number in range(2))
    assert not album_mates(one).exists()


def test_whoever_takes_back_one_song_of_an_album_takes_back_the_act_but_not_what_was_said_since(
    library: Library,
) -> None:
    songs = album(library, 1, 4)
    judge(songs[0].pk, genre("Jazz"), by=None, whole_album=True)
    # The note of a judgement does not make one of what was said by hand.
    set_override([songs[3].pk], genre("Rap"), note=JUDGED, user=None)
    assert judged_together([songs[1].pk]) == {each.pk for each in songs[:3]}
    assert clear_override([songs[1].pk]) == 3
    assert list(Override.objects.values_list("track", "genre__name")) == [(songs[3].pk, "Rap")]
    assert list(Judgement.objects.values_list("track", flat=True)) == [songs[3].pk]
    assert clear_override([songs[3].pk]) == 1


@pytest.mark.parametrize("name", ["Jazz", None])
def test_who_goes_back_and_ticks_the_album_has_said_it_of_the_album(
    library: Library, name: str | None
) -> None:
    songs = album(library, 1, 3)
    said = genre(name) if name else None
    judge(songs[0].pk, said, by=None)
    for _ in range(2):
        judge(songs[0].pk, said, by=None, whole_album=True)
    assert judged_together([songs[0].pk]) == {each.pk for each in songs}
    assert Override.objects.count() == (3 if name else 0)
    assert judgement_count() == 1
    assert clear_override([songs[1].pk]) == 3
    assert not Judgement.objects.exists()


def test_an_album_of_none_of_our_genres_is_left_alone_and_taken_back_as_a_whole(library: Library) -> None:
    songs = album(library, 1, 3)
    judge(songs[0].pk, None, by=None, whole_album=True)
    assert none_is_right(each.pk for each in songs) == {each.pk for each in songs}
    clear_override([songs[2].pk])
    assert not Judgement.objects.exists()


def say_nothing(step: str, progress: float) -> None: ...


def test_judged_songs_are_sent_before_all_others_and_decide_these_anew(portal: Any, library: Library) -> None:
    portal.inference.model = HEAD
    track, other, third = song(library, 1), song(library, 2), song(library, 3)
    assert decide_outdated(portal.services.decisions, say_nothing) == 3
    assert portal.inference.judged == []
    judge(track.pk, genre("Jazz"), by=None)
    judge(third.pk, None, by=None)
    assert anything_outdated()
    assert decide_outdated(portal.services.decisions, say_nothing) == 3
    sent = {each.key: each for each in portal.inference.judged}
    assert list(sent) == [str(track.pk), str(third.pk)]
    said = sent[str(track.pk)]
    assert (list(said.judgement.genres), list(said.tags), said.model_version) == (["Jazz"], ["Folk"], HEAD)
    assert bytes(said.sound) == bytes(Prediction.objects.get(track=track).sound)
    assert sent[str(third.pk)].HasField("judgement")
    assert not sent[str(third.pk)].judgement.genres
    assert not anything_outdated()
    assert Decision.objects.filter(track=other).exists()
    clear_override([track.pk])
    assert anything_outdated()


def test_a_reading_is_asked_for_once_and_again_after_another_judgement(portal: Any, library: Library) -> None:
    track = song(library, 1)
    client = portal.services.decisions
    nothing = current_reading(client)
    judge(track.pk, genre("Jazz"), by=None)
    first = current_reading(client)
    assert (first.judgements, first.judged_songs) == (1, 1)
    assert first.wrong_share_high - first.wrong_share_low < nothing.wrong_share_high - nothing.wrong_share_low
    calls = len(portal.inference.decide_options)
    assert current_reading(client) == first
    assert len(portal.inference.decide_options) == calls
    assert Reading.objects.count() == 2


def test_what_a_reading_promises_is_kept_with_it_and_said_once_somebody_has_judged(
    portal: Any, library: Library
) -> None:
    track = song(library, 1)
    before = current_reading(portal.services.decisions)
    assert (promise_sentence(before), calibration_sentence(before)) == ("", "")
    judge(track.pk, genre("Jazz"), by=None)
    after = Reading.objects.get(pk=current_reading(portal.services.decisions).pk)
    assert (after.promise_threshold, after.promise_coverage, after.promise_accuracy_low) == (0.8, 0.6, 0.93)
    assert "from a confidence of 80 % on, which covers 60% of the songs" in promise_sentence(after)
    assert "3.4 points too low" in calibration_sentence(after)
    after.promise_threshold = None
    assert "from no threshold on" in promise_sentence(after)


@pytest.mark.parametrize(
    ("judgements", "low", "high", "more"),
    [(0, 0.05, 0.95, 30), (20, 0.5, 0.9, 10), (40, 0.8, 1.0, 120), (90, 0.9, 1.0, 0)],
)
def test_how_many_more_judgements_are_wanted(judgements: int, low: float, high: float, more: int) -> None:
    reading = Reading(judgements=judgements, wrong_share_low=low, wrong_share_high=high)
    assert judgements_to_go(reading) == more
