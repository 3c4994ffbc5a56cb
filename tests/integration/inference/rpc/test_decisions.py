"""Decisions over gRPC: from what a training and calls have answered, without audio or vectors."""

import queue
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import grpc
import numpy as np
import pytest
from inference.rpc.rights import MAY_CALL
from inference_system import NAME, System, fma, running_system
from reclass.inference.v1 import inference_pb2, inference_pb2_grpc
from runtime.channel import open_channel
from runtime.errors import RemoteError
from runtime.rights import Rights, Role, fingerprint
from synthetic_library import SyntheticLibrary

Request = inference_pb2.DecideTracksRequest
Album = inference_pb2.AlbumSongs
Song = inference_pb2.SongEvidence
OF_PORTAL, OF_PROGRAM = "of-the-portal", "of-a-program"


def out_of_fold(system: System) -> dict[str, inference_pb2.OutOfFoldPrediction]:
    found = system.stub.GetOutOfFoldPredictions(inference_pb2.GetOutOfFoldPredictionsRequest())
    return {each.song_id: each for each in found}


@pytest.fixture
def artists(trained: System, library: SyntheticLibrary) -> list[inference_pb2.ArtistSongs]:
    """Each artist with one album of all its songs, as they were predicted out of fold, with their tags."""
    said = out_of_fold(trained)
    found: dict[int, Album] = {}
    for number, artist in enumerate(library.artists.tolist()):
        prediction = said[f"song {number}"]
        found.setdefault(
            artist, Album(title=f"album {artist}", album_artist=f"artist {artist}")
        ).songs.append(
            Song(
                key=f"song {number}",
                model_version=prediction.verdicts[-1].model_version,
                sound=prediction.sound,
                tags=[library.genres[library.labels[number]]],
            )
        )
    return [inference_pb2.ArtistSongs(albums=[album]) for album in found.values()]


def ask(
    system: System,
    artists: Iterable[inference_pb2.ArtistSongs],
    judged: Iterable[inference_pb2.ArtistSongs] = (),
    **options: object,
) -> tuple[inference_pb2.NoiseReading, dict[str, inference_pb2.Decision]]:
    """The reading, and the decisions by key."""
    requests = [
        Request(options=inference_pb2.DecideOptions(**options)),
        *(Request(judged=each) for each in judged),
        *(Request(artist=each) for each in artists),
    ]
    first, *answers = system.stub.DecideTracks(iter(requests), timeout=60)
    assert first.WhichOneof("part") == "reading"
    assert len({answer.decision.key for answer in answers}) == len(answers)
    return first.reading, {answer.decision.key: answer.decision for answer in answers}


def refusal(system: System, *requests: Request) -> str:
    with pytest.raises(grpc.RpcError) as caught:
        list(system.stub.DecideTracks(iter(requests), timeout=60))
    error = RemoteError.from_rpc(caught.value)
    return f"{error.reason}: {error}"


def test_every_song_is_decided_from_what_was_answered_of_it(
    trained: System, artists: list[inference_pb2.ArtistSongs], library: SyntheticLibrary
) -> None:
    reading, decisions = ask(trained, artists)
    assert len(decisions) == len(library.labels)
    assert (reading.judgements, reading.wrong_share_low) == (0, 0.05)
    for number, label in enumerate(library.labels):
        decision = decisions[f"song {number}"]
        assert [part.source for part in decision.parts] == [
            inference_pb2.EVIDENCE_SOURCE_SOUND,
            inference_pb2.EVIDENCE_SOURCE_ALBUM,
            inference_pb2.EVIDENCE_SOURCE_ARTIST,
            inference_pb2.EVIDENCE_SOURCE_TAGS,
        ]
        assert decision.parts[-1].probability == decision.confidence == decision.top[0].probability
        agrees = decision.genre == library.genres[label]
        kinds = (inference_pb2.WRITE_KIND_CORRECTION, inference_pb2.WRITE_KIND_NONE)
        assert decision.kind == kinds[agrees]


def test_a_call_answers_the_sound_of_all_genres(trained: System, library: SyntheticLibrary) -> None:
    answer = trained.classify(fma(library, 0))
    sound = np.frombuffer(answer.sound, dtype="<f4")
    status = trained.stub.GetStatus(inference_pb2.GetStatusRequest()).stages[answer.deciding_stage - 1]
    assert sound.sum() == pytest.approx(1)
    assert status.genres[int(sound.argmax())] == answer.genre
    assert sound.max() == pytest.approx(answer.confidence)


def test_a_song_without_tags_is_filled(trained: System, artists: list[inference_pb2.ArtistSongs]) -> None:
    song = artists[0].albums[0].songs[0]
    del song.tags[:]
    _, decisions = ask(trained, artists[:1])
    assert decisions[song.key].kind == inference_pb2.WRITE_KIND_FILL
    assert decisions[song.key].tag_probability == 0


def test_a_tag_that_the_model_has_not_learned_is_no_empty_tag(
    trained: System, artists: list[inference_pb2.ArtistSongs]
) -> None:
    song = artists[0].albums[0].songs[0]
    song.tags[:] = ["Polka"]
    _, decisions = ask(trained, artists[:1])
    assert decisions[song.key].kind == inference_pb2.WRITE_KIND_CORRECTION


def test_sources_can_be_switched_off(trained: System, artists: list[inference_pb2.ArtistSongs]) -> None:
    _, decisions = ask(trained, artists, without_tags=True, without_albums=True)
    for decision in decisions.values():
        assert [part.source for part in decision.parts] == [inference_pb2.EVIDENCE_SOURCE_SOUND]
        assert decision.confidence == pytest.approx(decision.parts[0].probability)


def test_a_song_of_another_models_word_is_not_decided_and_tells_its_album_nothing(
    trained: System, artists: list[inference_pb2.ArtistSongs]
) -> None:
    first, *others = artists[0].albums[0].songs
    _, alone = ask(trained, [inference_pb2.ArtistSongs(albums=[Album(title="album", songs=[first])])])
    for other in others:
        other.model_version = "genre_fma/999"
    _, decisions = ask(trained, artists[:1])
    assert [decisions[other.key].genre for other in others] == [""] * len(others)
    assert decisions[first.key].confidence == alone[first.key].confidence


def test_judgements_move_the_reading(
    trained: System, artists: list[inference_pb2.ArtistSongs], library: SyntheticLibrary
) -> None:
    for artist in artists:
        for song in artist.albums[0].songs:
            number = int(song.key.removeprefix("song "))
            if library.wrong[number]:
                song.judgement.genres.append(library.genres[library.truth[number]])
    before, _ = ask(trained, [])
    reading, _ = ask(trained, [], judged=artists)
    assert reading.judged_songs == library.wrong.sum()
    assert reading.wrong_share > 0.6
    # Wrong tags that people found wrong are no mistakes of the model any more.
    assert reading.overconfidence < before.overconfidence - library.wrong.mean() / 2
    assert reading.coverage[0].accuracy > before.coverage[0].accuracy
    assert reading.coverage[0].accuracy_low < reading.coverage[0].accuracy


def test_before_anybody_has_judged_the_reading_promises_what_the_training_does(trained: System) -> None:
    reading, _ = ask(trained, [])
    report = trained.stub.GetModel(inference_pb2.GetModelRequest()).report
    assert reading.HasField("promise") == report.cascade.HasField("promise")
    assert reading.coverage[0].accuracy == pytest.approx(report.cascade.coverage[0].accuracy, abs=1e-6)


def test_an_artist_is_answered_before_the_next_one_is_sent(
    trained: System, artists: list[inference_pb2.ArtistSongs]
) -> None:
    to_send: queue.Queue[Request | None] = queue.Queue()
    answers = trained.stub.DecideTracks(iter(to_send.get, None), timeout=60)
    to_send.put(Request(options=inference_pb2.DecideOptions()))
    for artist in artists[:3]:
        to_send.put(Request(artist=artist))
        songs = len(artist.albums[0].songs)
        parts = [next(answers) for _ in range(songs + (artist is artists[0]))]
        assert parts[-1].decision.key == artist.albums[0].songs[-1].key
    to_send.put(None)
    assert not list(answers)


def bad_songs() -> Iterator[tuple[str, bytes]]:
    yield "too short", b"\0\0\0\0"
    yield "not whole", b"\0\0\0"
    yield "no sum of 1", np.full(6, 0.5, dtype="<f4").tobytes()
    yield "negative", np.array([2, -1, 0, 0, 0, 0], dtype="<f4").tobytes()
    yield "not a number", np.full(6, np.nan, dtype="<f4").tobytes()


@pytest.mark.parametrize("sound", [pytest.param(sound, id=name) for name, sound in bad_songs()])
def test_a_sound_that_is_none_is_refused_by_the_song(
    trained: System, artists: list[inference_pb2.ArtistSongs], sound: bytes
) -> None:
    song = artists[0].albums[0].songs[-1]
    song.sound = sound
    said = refusal(trained, Request(options=inference_pb2.DecideOptions()), Request(artist=artists[0]))
    assert said.startswith("INVALID_REQUEST")
    assert song.key in said


def test_what_comes_in_a_wrong_order_is_refused(
    trained: System, artists: list[inference_pb2.ArtistSongs]
) -> None:
    options, artist = Request(options=inference_pb2.DecideOptions()), Request(artist=artists[0])
    assert "INVALID_REQUEST" in refusal(trained)
    assert "INVALID_REQUEST" in refusal(trained, artist)
    assert "INVALID_REQUEST" in refusal(trained, options, artist, Request(judged=artists[0]))
    assert "INVALID_REQUEST" in refusal(trained, options, options)


def test_a_model_that_is_not_there_is_named(system: System, trained: System) -> None:
    assert "NO_MODEL" in refusal(system, Request(options=inference_pb2.DecideOptions()))
    assert "MODEL_UNKNOWN" in refusal(trained, Request(options=inference_pb2.DecideOptions(model="model-99")))


def classify_with(
    system: System, library: SyntheticLibrary, number: int, evidence: inference_pb2.TrackEvidence
) -> inference_pb2.ClassifyTrackResponse:
    request = inference_pb2.ClassifyTrackRequest(vectors=[fma(library, number)], evidence=evidence)
    return system.stub.ClassifyTrack(request)


def test_a_call_that_brings_tags_and_album_is_answered_with_a_decision(
    trained: System, artists: list[inference_pb2.ArtistSongs], library: SyntheticLibrary
) -> None:
    song, *others = artists[0].albums[0].songs
    mates = inference_pb2.ArtistSongs(albums=[Album(title="album 0", album_artist="artist 0", songs=others)])
    evidence = inference_pb2.TrackEvidence(tags=inference_pb2.Tags(genres=song.tags), artist=mates, album=0)
    answer = classify_with(trained, library, 0, evidence)
    # As the stream of decisions has it, of the same sound.
    song.model_version, song.sound = answer.model_version, answer.sound
    _, decisions = ask(trained, artists[:1])
    expected = decisions[song.key]
    expected.ClearField("key")
    assert answer.decision == expected


def test_a_call_without_evidence_gets_no_decision_and_one_without_tags_is_not_told_by_them(
    trained: System, library: SyntheticLibrary
) -> None:
    assert not trained.classify(fma(library, 0)).HasField("decision")
    untold = classify_with(trained, library, 0, inference_pb2.TrackEvidence()).decision
    assert untold.kind == inference_pb2.WRITE_KIND_UNSPECIFIED
    assert inference_pb2.EVIDENCE_SOURCE_TAGS not in [part.source for part in untold.parts]
    untagged = classify_with(
        trained, library, 0, inference_pb2.TrackEvidence(tags=inference_pb2.Tags())
    ).decision
    assert untagged.kind == inference_pb2.WRITE_KIND_FILL


def test_an_album_that_was_not_sent_is_refused(trained: System, library: SyntheticLibrary) -> None:
    evidence = inference_pb2.TrackEvidence(artist=inference_pb2.ArtistSongs(albums=[Album()]), album=1)
    with pytest.raises(grpc.RpcError) as caught:
        classify_with(trained, library, 0, evidence)
    assert RemoteError.from_rpc(caught.value).reason == "INVALID_REQUEST"


def test_an_artist_without_albums_and_an_album_without_songs_end_no_stream(
    trained: System, artists: list[inference_pb2.ArtistSongs]
) -> None:
    empty = [inference_pb2.ArtistSongs(), inference_pb2.ArtistSongs(albums=[Album(title="empty")])]
    _, decisions = ask(trained, [*empty, artists[0]], judged=empty)
    assert len(decisions) == len(artists[0].albums[0].songs)


def test_too_many_songs_and_too_many_albums_are_refused(
    trained: System, artists: list[inference_pb2.ArtistSongs]
) -> None:
    options = Request(options=inference_pb2.DecideOptions())
    for artist in (
        inference_pb2.ArtistSongs(albums=[Album(songs=[Song(key="a")] * 20_001)]),
        inference_pb2.ArtistSongs(albums=[Album()] * 20_001),
    ):
        assert "20001" in refusal(trained, options, Request(artist=artist))


@contextmanager
def without(trained: System, files: str) -> Iterator[System]:
    """A service whose models lack a file, as one of an earlier version does, or one that lost it."""
    lost = list(trained.triton.repository.glob(files))
    assert lost
    for path in lost:
        path.rename(path.with_suffix(".aside"))
    with running_system(trained.triton) as running:
        yield running
    for path in lost:
        path.with_suffix(".aside").rename(path)


def test_where_the_songs_for_a_promise_are_lost_decisions_are_made_all_the_same(trained: System) -> None:
    with without(trained, "*.held_out.npz") as system:
        reading, _ = ask(system, [])
    assert reading.wrong_share_high == 0.95
    assert not reading.coverage
    assert not reading.HasField("promise")


def test_without_what_decisions_need_that_is_said_and_verdicts_are_answered_all_the_same(
    trained: System, library: SyntheticLibrary
) -> None:
    with without(trained, "*.decision.npz") as system:
        said = refusal(system, Request(options=inference_pb2.DecideOptions()))
        answer = classify_with(system, library, 0, inference_pb2.TrackEvidence())
    assert said.startswith("MODEL_BROKEN")
    assert "Train again" in said
    assert answer.genre
    assert not answer.HasField("decision")


@pytest.fixture
def narrow(trained: System) -> Iterator[System]:
    """The same model behind the narrowest limits."""
    with running_system(trained.triton, max_streams=1, max_decide_streams=1) as running:
        yield running


@contextmanager
def decide_stream_open(system: System) -> Iterator[None]:
    """A stream that has been answered, and of which more is to come."""
    to_send: queue.Queue[Request | None] = queue.Queue()
    artist = inference_pb2.ArtistSongs(albums=[Album(songs=[Song(key="song")])])
    for request in (Request(options=inference_pb2.DecideOptions()), Request(artist=artist)):
        to_send.put(request)
    answers = system.stub.DecideTracks(iter(to_send.get, None), timeout=60)
    next(answers)
    yield
    to_send.put(None)
    assert len(list(answers)) == 1


def classified(system: System, library: SyntheticLibrary) -> list[str]:
    """Keys that a stream answers."""
    track = inference_pb2.ClassifyTrackRequest(vectors=[fma(library, 0)])
    request = inference_pb2.ClassifyTracksRequest(key="song", track=track)
    return [answer.key for answer in system.stub.ClassifyTracks(iter([request]), timeout=60)]


def test_who_decides_a_library_keeps_nobody_from_classifying(
    narrow: System, library: SyntheticLibrary
) -> None:
    with decide_stream_open(narrow):
        assert classified(narrow, library) == ["song"]
        said = refusal(narrow, Request(options=inference_pb2.DecideOptions()))
        assert said.startswith("TOO_MANY_CALLS")
        assert "INFERENCE_MAX_DECIDE_STREAMS" in said


def test_programs_that_hold_their_streams_open_keep_the_portal_from_nothing(trained: System) -> None:
    rights = Rights(
        {NAME: MAY_CALL},
        {Role.PORTAL: OF_PORTAL},
        {fingerprint(OF_PROGRAM): Role.CALLER}.get,
    )
    with (
        running_system(
            trained.triton, rights=rights, token=OF_PROGRAM, token_of_portal=OF_PORTAL, max_decide_streams=1
        ) as system,
        decide_stream_open(system),
    ):
        assert refusal(system, Request(options=inference_pb2.DecideOptions())).startswith("TOO_MANY_CALLS")
        with open_channel(system.target, token=OF_PORTAL, timeout_seconds=60) as channel:
            of_portal = replace(system, stub=inference_pb2_grpc.InferenceServiceStub(channel))
            reading, _ = ask(of_portal, [])
        assert reading.wrong_share_high == 0.95


def test_who_classifies_keeps_nobody_from_deciding(narrow: System, library: SyntheticLibrary) -> None:
    to_send: queue.Queue[inference_pb2.ClassifyTracksRequest | None] = queue.Queue()
    track = inference_pb2.ClassifyTrackRequest(vectors=[fma(library, 0)])
    to_send.put(inference_pb2.ClassifyTracksRequest(key="song", track=track))
    answers = narrow.stub.ClassifyTracks(iter(to_send.get, None), timeout=60)
    next(answers)
    with decide_stream_open(narrow):
        pass
    to_send.put(None)
    assert not list(answers)


def test_judged_songs_that_come_together_count_as_those_that_come_alone(
    trained: System, artists: list[inference_pb2.ArtistSongs], library: SyntheticLibrary
) -> None:
    """Fewer come together than are read together; of songs that the model does not know nothing is read."""
    songs = [song for artist in artists for song in artist.albums[0].songs]
    for number, song in enumerate(songs):
        song.judgement.genres.append(library.genres[number % len(library.genres)])
        song.judgement.act = f"album {number // 3}"
    songs += [
        Song(key=f"unknown {number}", model_version="genre_fma/999", judgement=songs[0].judgement)
        for number in range(1100)
    ]
    alone = [inference_pb2.ArtistSongs(albums=[Album(songs=[song])]) for song in songs]
    together, _ = ask(trained, [], judged=[inference_pb2.ArtistSongs(albums=[Album(songs=songs)])])
    one_by_one, _ = ask(trained, [], judged=alone)
    assert together == one_by_one
    assert together.judged_songs == len(library.labels)
    assert together.judgements == -(-len(library.labels) // 3)


def test_too_many_judged_songs_are_refused(trained: System) -> None:
    options = Request(options=inference_pb2.DecideOptions())
    judged = [Song(key="a", judgement=inference_pb2.Judgement())] * 50_001
    artist = inference_pb2.ArtistSongs(albums=[Album(songs=judged)])
    assert "100000" in refusal(trained, options, Request(judged=artist), Request(judged=artist))
