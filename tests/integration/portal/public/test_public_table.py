"""The public FMA table in the portal: imported, learned from, offered; it never becomes songs of the owner."""

import re
from array import array
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import numpy as np
import pytest
import songs
import typer
from audio_files import song
from django.test import Client
from features_process import features_process
from fma_tables_made import changed, made_library, track_id, write_fma
from inference_system import System, running_system
from portal.commands import public
from portal.commands.models.official_split import said_of
from portal.commands.songs import command as song_commands
from portal.genres.models import Alias, Genre
from portal.labels.tags import relabel
from portal.library.models import Analysis, Library, Track, Vector
from portal.library.vectors import store_vectors, stored_vectors
from portal.orchestration.start import start_classify, start_extract, start_train, start_training
from portal.public.fma_layout import VERSION
from portal.public.fma_tables import FmaTables, tables_in
from portal.public.importing import import_fma
from portal.public.models import PublicSong
from portal.public.songs import public_songs, songs_by_genre
from portal.remote.audio import VectorValues, vector_message
from portal.remote.features import FeaturesClient
from portal.remote.inference import InferenceClient
from portal.remote.models import ModelsClient
from portal.runs.models import Run
from portal.training.preparing import lacking_now
from portal.training.readiness import survey_genres
from portal.training.suggestions import suggestions
from portal.verdicts.models import Prediction
from reclass.features.v1 import features_pb2
from reclass.inference.v1 import inference_pb2
from runtime.channel import open_channel
from synthetic_library import SyntheticLibrary
from triton_server import triton_server
from typer.testing import CliRunner, Result
from wire import values_of

Command = Callable[..., Result]
NATIVE = features_pb2.VECTOR_KIND_FMA_NATIVE
LIBRARY = made_library(artists_per_genre=2)


@pytest.fixture
def library() -> SyntheticLibrary:
    return LIBRARY


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_fma(tmp_path / "fma_metadata", LIBRARY)


@pytest.fixture
def command(genres: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> Command:
    """`reclass` with the commands that this is about."""
    monkeypatch.setenv("PORTAL_DATABASE_URL", "postgresql://is-not-asked-for")

    def run(*words: object) -> Result:
        app = typer.Typer()
        public.register(app)
        song_commands.register(app)
        return CliRunner(env={"COLUMNS": "200"}).invoke(app, [str(word) for word in words])

    return run


def imported(folder: Path) -> None:
    tables = tables_in(folder)
    tables.read_tracks()
    import_fma(tables, lambda count: None)


def test_an_import_says_what_came_in_by_genre_and_what_did_not(command: Command, folder: Path) -> None:
    changed(folder / "features.csv", 4, 1, "nan")
    done = command("import-fma", folder)
    assert done.exit_code == 0, done.output
    said = " ".join(done.stdout.split())
    assert "29 songs were imported, 0 changed, 0 were there." in said
    assert said_of(FmaTables(folder=folder, without_genre=2))[0] in said
    assert "1 tracks were passed over because a value of theirs is missing or not finite" in said
    assert "features.csv, row 5, chroma_cens kurtosis 01" in said
    assert "│ Rock │ 6 │ 2 │ Pop_Rock │" in said
    assert "│ Hip-Hop │ 6 │ 2 │ Rap │" in said
    assert "│ Experimental │ 6 │ 2 │ nothing │" in said
    assert "Experimental: no alias knows these." in said


def counts(done: Result) -> tuple[int, ...]:
    """Songs that came in, those that changed and those that were there, as the command says it."""
    found = re.search(r"(\d+) songs .* (\d+) changed, (\d+) were there", done.stdout)
    assert found, done.stdout
    return tuple(map(int, found.groups()))


def test_importing_twice_imports_nothing_twice_and_takes_what_was_changed(
    command: Command, folder: Path
) -> None:
    command("import-fma", folder)
    again = command("import-fma", folder.parent)
    assert counts(again) == (0, 0, 30)
    changed(folder / "features.csv", 4, 1, "0.5")
    third = command("import-fma", folder)
    assert counts(third) == (0, 1, 29)
    assert PublicSong.objects.count() == 30


def test_values_are_stored_to_the_last_digit_of_single_precision(
    genres: dict[str, int], folder: Path, library: SyntheticLibrary
) -> None:
    imported(folder)
    song = PublicSong.objects.get(key=str(track_id(7)))
    written = np.array([f"{value:.7e}" for value in library.vectors[7]], dtype=np.float32)
    assert np.array_equal(np.asarray(song.values, dtype=np.float32), written)


def test_a_file_that_is_damaged_half_way_leaves_everything_as_it_was(command: Command, folder: Path) -> None:
    command("import-fma", folder)
    PublicSong.objects.filter(key=str(track_id(0))).delete()
    path = folder / "features.csv"
    rows = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*rows[:20], rows[20][:3000] + "\n", *rows[21:]]))
    done = command("import-fma", folder)
    assert done.exit_code == 1
    assert "row 21 has" in done.stderr
    assert "fields instead of 519" in done.stderr
    assert "Nothing was imported." in done.stderr
    assert PublicSong.objects.count() == 29


def test_a_folder_of_something_else_is_refused(command: Command, tmp_path: Path) -> None:
    done = command("import-fma", tmp_path)
    assert done.exit_code == 1
    assert "fma_metadata.zip (342 MiB" in done.stderr


def test_what_was_imported_can_be_taken_out_again(command: Command, folder: Path) -> None:
    command("import-fma", folder)
    assert "30 songs of public tables were taken out." in command("import-fma", "--forget").stdout
    assert not PublicSong.objects.exists()
    assert command("import-fma").exit_code == 1


def test_public_songs_are_no_songs_of_the_owner(genres: dict[str, int], folder: Path) -> None:
    imported(folder)
    assert not Track.objects.exists()
    assert not Vector.objects.exists()
    assert survey_genres().trainable == ()


def test_an_alias_gives_songs_of_a_genre_that_was_unknown(genres: dict[str, int], folder: Path) -> None:
    imported(folder)
    assert "New Age" not in songs_by_genre()
    Alias.objects.create(spelling="Experimental", genre=Genre.objects.get(name="New Age"))
    assert songs_by_genre()["New Age"] == 6
    Genre.objects.filter(name="New Age").update(retired=True)
    assert "New Age" not in songs_by_genre()


def test_songs_come_with_genre_artist_and_values(
    genres: dict[str, int], folder: Path, library: SyntheticLibrary
) -> None:
    imported(folder)
    found = list(public_songs(VERSION))
    assert len(found) == 24  # Experimental is none of ours
    first = next(song for song in found if song.song_id == "fma 2")
    assert (first.song_id, first.genre, first.artist, first.source) == (
        "fma 2", "Electronic", "Artist, 0", "public"
    )  # fmt: skip
    assert np.allclose(values_of(first.vectors[0]), library.vectors[0], rtol=1e-6)
    assert list(public_songs("another make")) == []


def test_the_genres_of_the_real_table_find_ours_by_the_shipped_aliases(genres: dict[str, int]) -> None:
    from portal.public.songs import gives

    assert {
        "Pop_Rock",
        "Electronic",
        "Rap",
        "Folk",
        "International",
        "Jazz",
        "RnB",
        "Country",
        "Blues",
    } <= gives()
    assert not {"K-Pop", "Anime", "Lo-Fi"} & gives()


TAGGED = ("Electronic", "Folk", "Rap", "Pop_Rock")


def owners_songs(library: SyntheticLibrary, kind: str = "fma-native", version: str = VERSION) -> list[Track]:
    """Songs of the owner's that sound as those of the table do, by other artists, with the tags of three genres."""
    owned = songs.make_library()
    tracks = []
    for number, (values, label) in enumerate(zip(library.vectors, library.labels, strict=True)):
        if label >= len(TAGGED):
            continue
        tags = [TAGGED[label]] if label < 3 else []
        tracks.append(
            songs.make_song(
                owned,
                number,
                artist=f"Somebody {library.artists[number]}",
                plex_genres=tags,
                analysis=Analysis.EXTRACTED,
            )
        )
        store_vectors(
            {tracks[-1].audio_id: [VectorValues(kind=kind, version=version, values=array_of(values))]}
        )
    relabel()
    return tracks


def array_of(values: np.ndarray) -> "array[float]":
    return array("f", values.tolist())


def test_a_training_with_the_table_sends_its_songs_and_only_whole_song_values_of_ours(
    portal, folder: Path, library: SyntheticLibrary
) -> None:
    imported(folder)
    portal.features.versions[NATIVE] = VERSION
    with_whole = owners_songs(library)
    other = songs.make_song(
        with_whole[0].library, 999, plex_genres=["Folk"], analysis=Analysis.EXTRACTED, artist="Else"
    )
    store_vectors(
        {other.audio_id: [VectorValues(kind="fma", version="test/1", values=array("f", [1.0, 2.0]))]}
    )
    relabel()
    run = portal.finish(start_train(public=True))
    assert run.state == Run.State.DONE, run.message
    taught = portal.inference.taught
    public_ones = [song for song in taught if song.song_id.startswith("fma ")]
    assert len(public_ones) == 24
    assert {song.source for song in public_ones} == {inference_pb2.LABEL_SOURCE_PUBLIC_TABLE}
    assert len(taught) - len(public_ones) == 18
    assert {vector.kind for song in taught for vector in song.vectors} == {NATIVE}
    # What is said of the table's songs is nobody's prediction.
    assert Prediction.objects.count() == 18
    assert run.result["suspected_label_errors"] <= 18


def test_a_training_without_it_is_as_it_was(portal, folder: Path, library: SyntheticLibrary) -> None:
    imported(folder)
    portal.features.versions[NATIVE] = VERSION
    owners_songs(library, kind="fma", version="test/1")
    portal.finish(start_train())
    assert len(portal.inference.taught) == 18
    assert {vector.kind for song in portal.inference.taught for vector in song.vectors} == {
        features_pb2.VECTOR_KIND_FMA
    }


def test_a_training_without_an_imported_table_says_what_to_run(portal, library: SyntheticLibrary) -> None:
    portal.features.versions[NATIVE] = VERSION
    owners_songs(library)
    run = portal.finish(start_train(public=True))
    assert run.state == Run.State.FAILED
    assert "reclass import-fma DIR" in run.message


def test_a_table_of_another_version_than_features_extracts_is_not_learned_from(portal, folder: Path) -> None:
    imported(folder)
    portal.features.versions[NATIVE] = "fma-native-518/3"
    run = portal.finish(start_train(public=True))
    assert run.state == Run.State.FAILED
    assert "of the version fma-native-518/3 are extracted here" in run.message


def test_labelled_songs_that_were_not_analysed_as_a_whole_are_analysed_first(
    portal, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portal.orchestration.start import start_sync

    monkeypatch.setenv("PORTAL_FEATURES_TARGET", portal.target)
    imported(folder)
    portal.features.versions[NATIVE] = VERSION
    portal.finish(start_sync())
    portal.finish(start_extract())
    lacking = lacking_now(public=True)
    assert lacking.stages == ("fma-native",)
    assert len(lacking.track_ids) > 0
    assert lacking_now().track_ids == ()
    portal.finish(start_training(lacking, public=True))
    portal.finish(Run.objects.get(kind=Run.Kind.TRAIN))
    own = [song for song in portal.inference.taught if not song.song_id.startswith("fma ")]
    assert len(own) == len(lacking.track_ids)
    assert all(vector.version == VERSION for song in own for vector in song.vectors)


def test_the_page_offers_the_table_last_with_files_size_and_cost(
    genres: dict[str, int], admin_client, folder: Path
) -> None:
    last = suggestions(survey_genres())[-1]
    assert last.title == "The public FMA table"
    assert "fma_metadata.zip (342 MiB, from https://github.com/mdeff/fma)" in str(last)
    assert "tracks.csv and features.csv" in str(last)
    assert "analysed as a whole" in str(last)
    assert {"K-Pop", "Anime", "Lo-Fi"} <= set(last.cannot_give)
    assert "The public FMA table" in admin_client.get("/admin/genres/genre/readiness/").content.decode()
    imported(folder)
    assert "It is imported: Electronic 6, Folk 6, Pop_Rock 6, Rap 6." in str(suggestions(survey_genres())[-1])


@pytest.fixture
def real_inference(portal, tmp_path: Path) -> Iterator[System]:
    """The portal with the real inference service before the real Triton."""
    with triton_server(tmp_path / "triton") as server, running_system(server) as system:
        channel = open_channel(system.target)
        portal.services = replace(
            portal.services, inference=InferenceClient(channel), models=ModelsClient(channel)
        )
        yield system
        channel.close()


@pytest.mark.thorough
def test_a_model_of_the_table_classifies_songs_by_their_whole_song_values(
    portal, real_inference: System, admin_client: Client, tmp_path: Path
) -> None:
    library = made_library(artists_per_genre=8)
    imported(write_fma(tmp_path / "whole", library))
    portal.features.versions[NATIVE] = VERSION
    owners = made_library(artists_per_genre=8)
    run = portal.finish(start_train(public=True), within_seconds=180)
    assert run.state == Run.State.DONE, run.message
    assert run.model.stages.first().feature_versions == [VERSION]
    assert run.model.feature_versions == [VERSION]
    assert set(run.model.genres) == {"Electronic", "Folk", "Rap", "Pop_Rock"}
    status = real_inference.stub.GetStatus(inference_pb2.GetStatusRequest()).stages[0]
    assert list(status.kinds) == [NATIVE]

    tracks = owners_songs(owners)
    done = portal.finish(start_classify(), within_seconds=60)
    assert done.state == Run.State.DONE, done.message
    said = dict(Prediction.objects.filter(current=True).values_list("track_id", "genre__name"))
    truth = {
        track.pk: TAGGED[label]
        for track, label in zip(tracks, owners.labels[owners.labels < len(TAGGED)], strict=True)
    }
    right = sum(said[pk] == genre for pk, genre in truth.items())
    assert right > 0.8 * len(truth)
    assert portal.features.extracted == []
    a_real_song_is_analysed_as_a_whole_and_classified_by_that(
        portal, real_inference, tracks[0].library, tmp_path
    )
    page = f"/admin/library/track/{tracks[0].pk}/change/"
    assert "Stage 1 · FMA, whole song</h3>" in " ".join(admin_client.get(page).content.decode().split())


def a_real_song_is_analysed_as_a_whole_and_classified_by_that(
    portal, real_inference: System, library: Library, tmp_path: Path
) -> None:
    """The plain extraction of a file by the real features service, and what comes of each of its vectors."""
    music = tmp_path / "music"
    music.mkdir()
    file = song(music, "flac", seconds=8, seed=3)
    track = songs.make_song(library, 5000, file=str(file), audio=None, artist="Recorded")
    with features_process(music, tmp_path / "features.log", processes=1) as process:
        portal.services = replace(portal.services, features=FeaturesClient(process.channel))
        extracted = portal.finish(start_extract(track_ids=[track.pk]), within_seconds=120)
        assert (extracted.state, extracted.done_count) == (Run.State.DONE, 1), extracted.message
        classified = portal.finish(start_classify([track.pk]), within_seconds=60)
    assert (classified.state, classified.done_count) == (Run.State.DONE, 1), classified.message
    track.refresh_from_db()
    found = {each.kind: each for each in stored_vectors([track.audio_id])[track.audio_id]}
    assert set(found) == {"fma", "fma-native"}
    assert list(found["fma"].values) != list(found["fma-native"].values)
    whole = inference_pb2.ClassifyTrackRequest(vectors=[vector_message(found["fma-native"])])
    said, kept = real_inference.stub.ClassifyTrack(whole), Prediction.objects.get(track=track, current=True)
    assert (kept.genre.name, kept.confidence) == (said.genre, pytest.approx(said.confidence, abs=1e-4))
    assert real_inference.features.requests == [], "what was stored was enough"
    excerpt = inference_pb2.ClassifyTrackRequest(vectors=[vector_message(found["fma"])])
    with pytest.raises(grpc.RpcError, match="FMA_NATIVE"):
        real_inference.stub.ClassifyTrack(excerpt)
