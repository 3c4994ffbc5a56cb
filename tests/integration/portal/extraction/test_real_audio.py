"""Real files, decoded by the real features service: what was copied, retagged or moved is not decoded again."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import audio_files
import mutagen
import pytest
from features.extractor import Listening
from features.servicer import FeatureServicer
from features.source.download import Downloads
from features.source.location import MediaFolders
from features.source.resolve import AudioSources
from features.streaming import StreamLimits
from features.workers.pool import ExtractionPool
from portal.genres.models import Genre
from portal.library.models import Analysis, Audio, Track
from portal.orchestration.start import start_extract, start_sync
from portal.remote.features import FeaturesClient
from portal.runs.models import Run
from portal.verdicts.models import Override
from reclass.features.v1 import features_pb2_grpc
from runtime.testing import connected

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
def listening(folder: Path) -> Iterator[tuple[Counting, FeaturesClient]]:
    """The service with two processes, and the portal's door to it."""
    pool = ExtractionPool(processes=2, time_limit_seconds=60.0)
    pool.warm_up()
    sources = AudioSources(MediaFolders(folders=(folder,)), Downloads(None, max_bytes=1, timeout_seconds=1.0))
    servicer = Counting(
        listening=Listening(sources=sources, pool=pool),
        media_folders=(str(folder),),
        stream_limits=StreamLimits(songs=8, content_bytes=10**7, at_once=2),
        max_streams=1,
    )
    add = partial(features_pb2_grpc.add_FeatureServiceServicer_to_server, servicer)
    with connected({"reclass.features.v1.FeatureService": add}, timeout_seconds=60.0) as channel:
        yield servicer, FeaturesClient(channel)
    pool.close()


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


def heard(portal) -> Run:
    """A sync, and an extraction of the songs of these tests."""
    portal.finish(start_sync(["Music"]))
    ids = Track.objects.filter(artist="Somebody", removed_time=None).values_list("pk", flat=True)
    run = portal.finish(start_extract(track_ids=list(ids)))
    assert run.state == Run.State.DONE, run.message
    assert run.failed_count == run.skipped_count == 0
    return run


def test_copies_new_tags_and_moves_cost_no_second_decoding_and_lose_no_history(portal, listening, folder):
    servicer, client = listening
    portal.services = replace(portal.services, features=client)
    files = {
        FIRST_KEY + i: audio_files.song(folder, suffix, seconds=SECONDS, seed=i)
        for i, suffix in enumerate(FORMATS)
    }
    for key, file in files.items():
        add(portal, key, file)
    heard(portal)
    flac, mp3, m4a = (song(key) for key in files)
    assert sorted(servicer.decoded) == sorted(file.name for file in files.values())
    assert Audio.objects.count() == len(files)

    copy = shutil.copyfile(files[FIRST_KEY], folder / "copy.flac")
    add(portal, 3101, Path(copy))
    assert heard(portal).done_count == 1
    assert song(3101).audio == flac.audio

    tags = mutagen.File(files[FIRST_KEY + 1], easy=True)
    tags["genre"] = ["Blues"]
    tags.save()
    Track.objects.filter(pk=mp3.pk).update(part_key="/library/parts/old/1/file.mp3", last_synced=None)
    heard(portal)
    mp3.refresh_from_db()
    assert (mp3.file_genres, mp3.analysis) == (["Blues"], Analysis.HEARD)

    Override.objects.create(track=m4a, genre=Genre.objects.get(name="Folk"))
    portal.plex.ask("DELETE", f"tracks/{m4a.rating_key}")
    portal.finish(start_sync(["Music"]))
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    add(portal, 3103, files[FIRST_KEY + 2].rename(elsewhere / "another name.m4a"))
    heard(portal)
    assert song(3103).override.genre.name == "Folk"
    assert song(3103).audio == m4a.audio
    assert Track.objects.filter(artist="Somebody").count() == len(files) + 1, "the moved song is one row"

    assert len(servicer.decoded) == len(files), servicer.decoded
    assert Audio.objects.count() == len(files)


def test_another_recording_under_an_old_name_is_decoded(portal, listening, folder):
    servicer, client = listening
    portal.services = replace(portal.services, features=client)
    file = audio_files.song(folder, "flac", seconds=SECONDS, seed=21, name="replaced")
    add(portal, 3201, file)
    heard(portal)
    before = song(3201).audio
    servicer.decoded.clear()
    audio_files.song(folder, "flac", seconds=SECONDS, seed=22, name="replaced")
    Track.objects.filter(rating_key="3201").update(
        part_key="/library/parts/old/1/file.flac", last_synced=None
    )
    heard(portal)
    assert servicer.decoded == ["replaced.flac"]
    assert song(3201).audio != before


def test_a_song_is_heard_in_the_first_of_its_versions_that_can_be_also_when_that_came_later(
    portal, listening, folder
):
    _, client = listening
    portal.services = replace(portal.services, features=client)
    file = audio_files.song(folder, "flac", seconds=SECONDS, seed=31, name="version")
    text = folder / "text.flac"
    text.write_text("no music " * 100)
    add(portal, 3301, folder / "gone.flac", folder / "gone too.mp3", file)
    heard(portal)
    assert song(3301).file == str(folder / "gone.flac")
    assert song(3301).other_files == [str(folder / "gone too.mp3"), str(file)]
    assert song(3301).analysis == Analysis.HEARD

    add(portal, 3302, text)
    portal.finish(start_sync(["Music"]))
    portal.finish(start_extract(track_ids=[song(3302).pk]))
    assert (song(3302).analysis, song(3302).analysis_reason) == (Analysis.SKIPPED, "NOT_AUDIO")
    portal.plex.ask("DELETE", "tracks/3302")
    add(portal, 3302, text, file)
    heard(portal)
    assert song(3302).analysis == Analysis.HEARD
    assert song(3302).audio == song(3301).audio
