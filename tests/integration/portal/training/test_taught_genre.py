"""A genre of the owner's own, from a folder of thirty songs to predictions: the real inference service and Triton."""

import html
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import songs
from features_stand_in import VERSION
from inference_system import running_system
from portal.commands.models.reports import genres_table
from portal.commands.terminal import Terminal
from portal.labels.tags import relabel
from portal.ledger.models import WriteRow
from portal.library.models import Analysis, Vector
from portal.orchestration.start import start_classify, start_train
from portal.remote.inference import InferenceClient
from portal.remote.models import ModelsClient
from portal.runs.models import Run
from portal.verdicts.models import Prediction
from runtime.channel import open_channel
from synthetic_library import synthetic_library
from triton_server import triton_server

FOLDER = "/music/City Pop"
TAGGED = ("Jazz", "Blues", "Folk")
SONGS_OF_ARTIST, TAUGHT, UNTAUGHT = 5, 30, 10


@pytest.fixture
def extracting_portal(portal, tmp_path: Path) -> Iterator[object]:
    """A portal whose inference is the real one, before the real Triton."""
    with triton_server(tmp_path / "triton") as server, running_system(server) as system:
        channel = open_channel(system.target)
        portal.services = replace(
            portal.services, inference=InferenceClient(channel), models=ModelsClient(channel)
        )
        yield portal
        channel.close()


def a_library() -> None:
    """Forty analysed songs of each of four genres, five an artist: three genres by tag, thirty of the fourth in a
    folder, and ten more of it by artists of whom nobody says anything."""
    made = synthetic_library(
        seed=5, genres=4, artists_per_genre=8, songs_per_artist=SONGS_OF_ARTIST, separation=1.2, wrong=0
    )
    library = songs.make_library()
    of_own = 0
    for number, (values, genre, artist) in enumerate(
        zip(made.vectors, made.labels, made.artists, strict=True)
    ):
        own = int(genre) == len(TAGGED)
        of_own += own
        folder = FOLDER if own and of_own <= TAUGHT else "/music/Everything else"
        song = songs.make_song(
            library,
            number,
            artist=f"Artist {artist}",
            file=f"{folder}/Artist {artist}/{number}.flac",
            plex_genres=[] if own else [TAGGED[int(genre)]],
            analysis=Analysis.EXTRACTED,
        )
        Vector.objects.create(audio=song.audio, kind="fma", version=VERSION, values=values)
    assert of_own == TAUGHT + UNTAUGHT
    relabel()


@pytest.mark.thorough
def test_a_genre_taught_from_a_folder_of_thirty_songs_is_predicted_after_one_training(
    extracting_portal, admin_client
):
    portal = extracting_portal
    a_library()
    fields = {"new_genre": "City Pop", "folder": FOLDER}
    said = html.unescape(
        admin_client.post("/admin/teaching/taughtset/add/", fields, follow=True).content.decode()
    )
    assert "City Pop is taught by 30 songs (100 are better)" in said

    run = portal.finish(start_train(), within_seconds=180)

    # Its figures are shown, on artists that it did not learn from, before anything is written.
    assert run.state == Run.State.DONE, run.message
    shown = run.model.stages.last().genres.get(genre="City Pop")
    assert shown.songs > 0
    assert shown.precision > 0.5
    assert shown.recall > 0.5
    page = html.unescape(admin_client.get(f"/admin/runs/run/{run.pk}/change/").content.decode())
    figures = f"{100 * shown.precision:.0f} % {100 * shown.recall:.0f} %"
    assert f"City Pop {shown.songs} {figures}" in words(page)
    output = io.StringIO()
    Terminal(file=output, width=120).print(genres_table(run.model.stages.last().genres.all()))
    assert "City Pop" in output.getvalue()
    assert not WriteRow.objects.exists()
    assert portal.plex.edits() == []

    # Songs of artists outside the folder are said to be of it.
    portal.finish(start_classify(), within_seconds=60)
    held_out = Prediction.objects.filter(
        current=True, track__tag_genre=None, track__file__startswith="/music/Everything else/"
    )
    assert held_out.count() == UNTAUGHT
    assert held_out.filter(genre__name="City Pop").count() >= UNTAUGHT * 0.7
    of_folder = Prediction.objects.filter(current=True, track__file__startswith=f"{FOLDER}/")
    assert of_folder.count() == TAUGHT
    assert all(of_folder.values_list("out_of_fold", flat=True))


def words(page: str) -> str:
    """The text of a page, its tags and white space taken for spaces."""
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())
