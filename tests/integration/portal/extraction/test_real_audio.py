"""Real files, decoded by the real features service: what was copied, retagged or moved is not decoded again."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import audio_files
import grpc
import mutagen
import pytest
from features.extractor import Extractor
from features.servicer import FeatureServicer
from features.source.audio_sources import AudioSources
from features.source.download import Downloads
from features.source.file_lookup import MediaFolders
from features.workers.pool import ExtractionPool
from features_stand_in import FeaturesStandIn
from plex_stand_in import TOKEN, Control
from portal.genres.models import Genre
from portal.library.models import Analysis, Audio, Track
from portal.orchestration.start import start_extract, start_sync
from portal.preferences.current import preferences
from portal.remote.audio import AudioSource
from portal.remote.features import FeaturesClient
from portal.runs.models import Run
from portal.verdicts.models import Override
from reclass.features.v1 import features_pb2_grpc
from runtime.channel import open_channel
from runtime.streams import StreamLimits
from runtime.testing import connected
from standalone.plex_stand_in.catalogue import Catalogue, StandInLibrary, StandInTrack
from standalone.plex_stand_in.server import running_stand_in

SECONDS = 12.0
FORMATS = ("flac", "mp3", "m4a")
FIRST_KEY = 3001


class Counting(FeatureServicer):
    """Notes which files were decoded."""

    def __init__(self, **parts) -> None:
        super().__init__(**parts)
        self.decoded: list[str] = []

    def Extract(self, request, context):
        answer = super().Extract(request, context)
        if not answer.already_known:
            self.decoded.append(Path(request.audio.path_hint).name)
        return answer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("music")


@pytest.fixture(scope="module")
def pool() -> Iterator[ExtractionPool]:
    pool = ExtractionPool(processes=2, time_limit_seconds=60.0)
    pool.warm_up()
    yield pool
    pool.close()


@contextmanager
def running(
    pool: ExtractionPool, folders: tuple[Path, ...], sync: grpc.Channel | None
) -> Iterator[tuple[Counting, FeaturesClient]]:
    """The service, with these folders mounted and this way to Plex, and the portal's door to it."""
    downloads = Downloads(sync, max_bytes=10**8, timeout_seconds=30.0)
    sources = AudioSources(MediaFolders(folders=folders), downloads)
    servicer = Counting(
        extractor=Extractor(sources=sources, pool=pool),
        media_folders=tuple(map(str, folders)),
        stream_limits=StreamLimits(songs=8, content_bytes=10**7, workers=2),
        max_streams=1,
    )
    add = partial(features_pb2_grpc.add_FeatureServiceServicer_to_server, servicer)
    with connected({"reclass.features.v1.FeatureService": add}, timeout_seconds=60.0) as channel:
        yield servicer, FeaturesClient(channel)


@pytest.fixture(scope="module")
def counted_client(pool: ExtractionPool, folder: Path) -> Iterator[tuple[Counting, FeaturesClient]]:
    """The service with the folder mounted, and without a way to Plex."""
    with running(pool, (folder,), None) as service:
        yield service


def add(portal, key: int, file: Path, *others: Path) -> None:
    track = {
        "rating_key": key,
        "title": file.stem,
        "file": str(file),
        "artist": "Somebody",
        "album_artist": "Somebody",
        "duration_seconds": SECONDS,
        "genres": ["Jazz"],
        "more_versions": [[str(other)] for other in others],
    }
    portal.plex.ask("POST", "tracks", {"library_key": 2, "tracks": [track]})


def song(key: int) -> Track:
    return Track.objects.get(rating_key=str(key))


def extracted(portal) -> Run:
    """A sync, and an extraction of the songs of these tests."""
    portal.finish(start_sync(["Music"]))
    ids = Track.objects.filter(artist="Somebody", removed_time=None).values_list("pk", flat=True)
    run = portal.finish(start_extract(track_ids=list(ids)))
    assert run.state == Run.State.DONE, run.message
    assert run.failed_count == run.skipped_count == 0
    return run


def test_copies_new_tags_and_moves_cost_no_second_decoding_and_lose_no_history(
    portal, counted_client, folder
):
    servicer, client = counted_client
    portal.services = replace(portal.services, features=client)
    files = {
        FIRST_KEY + i: audio_files.song(folder, suffix, seconds=SECONDS, seed=i)
        for i, suffix in enumerate(FORMATS)
    }
    for key, file in files.items():
        add(portal, key, file)
    extracted(portal)
    flac, mp3, m4a = (song(key) for key in files)
    assert sorted(servicer.decoded) == sorted(file.name for file in files.values())
    assert Audio.objects.count() == len(files)

    copy = shutil.copyfile(files[FIRST_KEY], folder / "copy.flac")
    add(portal, 3101, Path(copy))
    assert extracted(portal).done_count == 1
    assert song(3101).audio == flac.audio

    tags = mutagen.File(files[FIRST_KEY + 1], easy=True)
    tags["genre"] = ["Blues"]
    tags.save()
    Track.objects.filter(pk=mp3.pk).update(part_key="/library/parts/old/1/file.mp3", last_synced=None)
    extracted(portal)
    mp3.refresh_from_db()
    assert (mp3.file_genres, mp3.analysis) == (["Blues"], Analysis.EXTRACTED)

    Override.objects.create(track=m4a, genre=Genre.objects.get(name="Folk"))
    portal.plex.ask("DELETE", f"tracks/{m4a.rating_key}")
    portal.finish(start_sync(["Music"]))
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    add(portal, 3103, files[FIRST_KEY + 2].rename(elsewhere / "another name.m4a"))
    extracted(portal)
    assert song(3103).override.genre.name == "Folk"
    assert song(3103).audio == m4a.audio
    assert Track.objects.filter(artist="Somebody").count() == len(files) + 1, "the moved song is one row"

    assert len(servicer.decoded) == len(files), servicer.decoded
    assert Audio.objects.count() == len(files)


def test_a_renumbered_server_has_no_song_analysed_as_another_one_and_a_sync_puts_it_right(
    portal_of, pool, counted_client, folder, tmp_path
):
    """Nothing is mounted: the bytes come from Plex, by the real sync service."""
    files = [audio_files.song(folder, "flac", seconds=SECONDS, seed=41 + i, name=f"song {i}") for i in (0, 1)]
    tracks = tuple(
        StandInTrack(
            rating_key=1 + i, title=f"Song {i}", album_artist="Somebody", guid=f"plex://track/{i}",
            file=f"/of-plex/{file.name}", local_file=str(file),
        )
        for i, file in enumerate(files)
    )  # fmt: skip
    library = StandInLibrary(key=2, title="Music", tracks=tracks)
    with (
        running_stand_in(Catalogue(libraries=(library,)), tmp_path, token=TOKEN) as stand_in,
        portal_of(Control(stand_in=stand_in), FeaturesStandIn()) as portal,
        open_channel(portal.target) as sync,
        running(pool, (), sync) as (_, client),
    ):
        portal.services = replace(portal.services, features=client)
        portal.finish(start_sync(()))
        portal.plex.ask("POST", "renumber", {"keys": {"1": 2, "2": 1}})
        run = portal.finish(start_extract())
        assert (run.done_count, run.failed_count) == (0, 2)
        failed = set(Track.objects.values_list("analysis", "analysis_reason"))
        assert failed == {(Analysis.FAILED, "ANOTHER_TRACK")}
        for title in ("'Song 0'", "'Song 1'"):
            assert title in Track.objects.all()[0].analysis_message
        assert not Audio.objects.exists()
        portal.finish(start_sync(()))
        portal.finish(start_extract())
        for track, file in zip(Track.objects.order_by("title").select_related("audio"), files, strict=True):
            own = counted_client[1].extract(
                AudioSource(rating_key="", file=str(file)), settings=preferences()
            )
            assert track.audio.content_key == own.content_key


def test_another_recording_under_an_old_name_is_decoded(portal, counted_client, folder):
    servicer, client = counted_client
    portal.services = replace(portal.services, features=client)
    file = audio_files.song(folder, "flac", seconds=SECONDS, seed=21, name="replaced")
    add(portal, 3201, file)
    extracted(portal)
    before = song(3201).audio
    servicer.decoded.clear()
    audio_files.song(folder, "flac", seconds=SECONDS, seed=22, name="replaced")
    Track.objects.filter(rating_key="3201").update(
        part_key="/library/parts/old/1/file.flac", last_synced=None
    )
    extracted(portal)
    assert servicer.decoded == ["replaced.flac"]
    assert song(3201).audio != before


def test_a_song_is_analysed_in_the_first_of_its_versions_that_can_be_also_when_that_came_later(
    portal, counted_client, folder
):
    _, client = counted_client
    portal.services = replace(portal.services, features=client)
    file = audio_files.song(folder, "flac", seconds=SECONDS, seed=31, name="version")
    text = folder / "text.flac"
    text.write_text("no music " * 100)
    add(portal, 3301, folder / "gone.flac", folder / "gone too.mp3", file)
    extracted(portal)
    assert song(3301).file == str(folder / "gone.flac")
    assert song(3301).other_files == [str(folder / "gone too.mp3"), str(file)]
    assert song(3301).analysis == Analysis.EXTRACTED

    add(portal, 3302, text)
    portal.finish(start_sync(["Music"]))
    portal.finish(start_extract(track_ids=[song(3302).pk]))
    assert (song(3302).analysis, song(3302).analysis_reason) == (Analysis.SKIPPED, "NOT_AUDIO")
    portal.plex.ask("DELETE", "tracks/3302")
    add(portal, 3302, text, file)
    extracted(portal)
    assert song(3302).analysis == Analysis.EXTRACTED
    assert song(3302).audio == song(3301).audio
