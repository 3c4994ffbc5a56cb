"""A genre that is only a guess, of a song unlike the training, is called so wherever it is shown; one of trials too."""

import html
from uuid import UUID

import pytest
import songs
from models_stand_in import IN_SERVICE, made
from portal.commands.models.reports import show_models
from portal.genres.models import Genre
from portal.library.census import songs_as_data
from portal.library.models import Analysis, Track
from portal.library.stages import TRIAL_WARNING
from portal.remote.models import Models
from portal.remote.reports import model_of
from portal.verdicts.models import Decision, Judgement, Override

pytestmark = pytest.mark.usefixtures("genres")


@pytest.fixture
def jazz() -> Genre:
    return Genre.objects.get(name="Jazz")


def shown(client, address: str) -> str:
    return html.unescape(client.get(f"/admin/library/track/{address}").content.decode())


def a_guess(jazz: Genre) -> Track:
    track = songs.make_song(songs.make_library(), 1, analysis=Analysis.OUT_OF_DISTRIBUTION)
    songs.add_prediction(
        track,
        jazz,
        0.9998,
        outcome="out_of_distribution",
        deciding_stage=1,
        stages=[[1, "genre_fma/3", False, 0.8, songs.top_five("Jazz", 0.9998)]],
    )
    return track


def test_an_exported_guess_is_no_genre_of_the_song_and_its_outcome_stands_beside_it(jazz):
    track = a_guess(jazz)
    (row,) = songs_as_data()
    assert (row["genre"], row["ai_genre"], row["outcome"], row["is_guess"]) == (
        None,
        "Jazz",
        "out_of_distribution",
        True,
    )
    Override.objects.create(track=track, genre=Genre.objects.get(name="Folk"))
    (row,) = songs_as_data()
    assert (row["genre"], row["is_guess"]) == ("Folk", True)


def test_an_exported_verdict_is_the_genre_with_its_outcome(jazz):
    track = songs.make_song(songs.make_library(), 1, analysis=Analysis.CLASSIFIED)
    songs.add_prediction(track, jazz, 0.9, outcome="classified", random_weights=True)
    (row,) = songs_as_data()
    assert (row["genre"], row["outcome"], row["is_guess"], row["random_weights"]) == (
        "Jazz",
        "classified",
        False,
        True,
    )
    songs.make_song(track.library, 2)
    assert [row["outcome"] for row in songs_as_data()] == ["classified", None]


def test_an_exported_song_has_its_decision_with_its_parts_and_what_a_person_judged(jazz):
    library = songs.make_library()
    asked, mate, _ = (songs.make_song(library, number, analysis=Analysis.CLASSIFIED) for number in range(3))
    for track, genres, act in ((asked, [jazz.pk], "album of song 1"), (mate, [], "")):
        Judgement.objects.create(
            track=track, genres=genres, kind="disagreement", stratum="from 0.85", act=act
        )
    parts = [["sound", "Folk", 0.62], ["album", "Jazz", 0.91], ["tags", "Jazz", 0.84]]
    Decision.objects.create(
        track=asked, genre=jazz, confidence=0.84, kind="correction", tag_probability=0.1, parts=parts, prediction=1,
        artist_group=UUID(int=1), evidence=UUID(int=1), decided_time=songs.THEN,
    )  # fmt: skip
    rows = list(songs_as_data())
    assert [(row["judgement"], row["judgement_act"]) for row in rows] == [
        (["Jazz"], "album of song 1"), ([], ""), (None, None),
    ]  # fmt: skip
    assert [(row["decided_genre"], row["decided_confidence"], row["write_kind"]) for row in rows] == [
        ("Jazz", 0.84, "correction"), (None, None, None), (None, None, None),
    ]  # fmt: skip
    assert rows[0]["decided_from"] == [
        {"source": source, "genre": genre, "probability": probability} for source, genre, probability in parts
    ]
    assert rows[2]["decided_from"] == []
    assert rows[0]["tag_probability"] == 0.1


def test_the_list_and_the_page_of_a_song_call_a_guess_a_guess_without_its_percentage(jazz, admin_client):
    track = a_guess(jazz)
    listed = shown(admin_client, "")
    assert '<span class="rc-percent">guess</span>' in listed
    assert "Jazz?" in listed
    assert "% sure" not in listed
    page = shown(admin_client, f"{track.pk}/change/")
    assert "a guess: unlike the songs of the training" in page
    assert "a guess: unlike its training" in page
    assert "below 80" not in page
    Override.objects.create(track=track, genre=Genre.objects.get(name="Folk"))
    page = shown(admin_client, f"{track.pk}/change/")
    assert "is the AI’s guess" in page
    assert "% sure" not in page


def test_a_verdict_of_random_weights_says_so_in_the_list_and_on_its_page(jazz, admin_client):
    track = songs.make_song(songs.make_library(), 1, analysis=Analysis.CLASSIFIED)
    songs.add_prediction(track, jazz, 0.9, outcome="classified", random_weights=True)
    assert "Random weights" in shown(admin_client, "")
    assert "Random weights" in shown(admin_client, f"{track.pk}/change/")


def test_a_model_of_random_weights_says_so_in_the_list_of_models(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "250")
    model = made(1, IN_SERVICE)
    model.random_weights = True
    show_models(Models(models=(model_of(model),), rollback_model="").models, as_json=False)
    assert TRIAL_WARNING in capsys.readouterr().out
