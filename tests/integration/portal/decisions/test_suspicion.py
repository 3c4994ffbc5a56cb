"""How many of the tags that look wrong are said to be wrong."""

import pytest
from django.utils import timezone
from portal.decisions.suspicion import suspicion
from portal.genres.models import Genre
from portal.library.models import Track
from portal.verdicts.models import Decision, Judgement
from songs import add_prediction, make_library, make_song

pytestmark = pytest.mark.usefixtures("genres")


def suspected(number: int, tag_probability: float | None) -> None:
    """A song whose tag the sound contradicts; with None it was not decided."""
    jazz = Genre.objects.get(name="Jazz")
    song = make_song(make_library(f"library {number}"), number)
    prediction = add_prediction(song, jazz, 0.9, suspected_label_error=True)
    if tag_probability is not None:
        Decision.objects.create(
            track=song,
            genre=jazz,
            tag_probability=tag_probability,
            prediction=prediction.pk,
            artist_group="00000000-0000-0000-0000-000000000001",
            evidence="00000000-0000-0000-0000-000000000001",
            decided_time=timezone.now(),
        )


@pytest.mark.parametrize(
    ("tag_probabilities", "expected", "likely"),
    [
        ([0.95, 0.9, 0.95, 0.97], 0, False),
        ([0.1, 0.2, 0.1, 0.2], 3, True),
        ([0.1, None, 0.1, None], 4, True),
        ([None, None], None, False),
        ([], None, False),
    ],
)
def test_a_list_looks_wrong_only_where_half_of_it_is_expected_to_be(tag_probabilities, expected, likely):
    for number, tag_probability in enumerate(tag_probabilities):
        suspected(number, tag_probability)
    found = suspicion()
    assert (found.songs, found.expected_wrong, found.is_likely) == (len(tag_probabilities), expected, likely)


def test_a_song_that_a_person_said_is_of_none_of_our_genres_is_not_looked_over_again():
    suspected(1, 0.1)
    suspected(2, 0.1)
    Judgement.objects.create(track=Track.objects.first(), genres=[], kind="disagreement", stratum="from 0.85")
    assert suspicion().songs == 1
