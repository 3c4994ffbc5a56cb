"""The client package against the real service on a socket: one song, many songs, limits, errors, token."""

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import grpc
import pytest
import reclass_client as rc
from inference.rpc.rights import MAY_CALL
from inference_system import NAME, System, running_system, training
from reclass.inference.v1 import inference_pb2 as messages
from runtime.errors import ServiceError
from runtime.rights import Rights, Role, fingerprint
from synthetic_library import SyntheticLibrary
from waiting import until

TOKEN = "told-to-programs"
RIGHTS = Rights({NAME: MAY_CALL}, {Role.PORTAL: "of-the-portal"}, {fingerprint(TOKEN): Role.OPERATOR}.get)


class TooShort(ServiceError):  # noqa: N818  the reason's name
    domain = "reclass.features"
    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "TOO_SHORT"


def vector(library: SyntheticLibrary, song: int) -> rc.Vector:
    return rc.Vector(kind="FMA", version="test/1", values=library.vectors[song].tolist())


@pytest.fixture(scope="module")
def service(trained: System) -> Iterator[System]:
    """The trained models behind a token and narrow limits."""
    limits = {"max_calls": 2, "max_stream_songs": 8, "max_content_bytes": 2**20}
    with running_system(trained.triton, rights=RIGHTS, token=TOKEN, **limits) as running:
        yield running


@pytest.fixture
def client(service: System) -> Iterator[rc.Client]:
    with rc.Client(service.target, token=TOKEN) as client:
        yield client
    for gate in service.features.held.values():
        gate.set()
    service.features.held.clear()


def test_vectors_are_classified(client: rc.Client, library: SyntheticLibrary) -> None:
    told = client.classify(vectors=[vector(library, 0)])
    assert told.outcome is rc.Outcome.CLASSIFIED
    assert told.genre == told.stages[0].top[0].genre
    assert told.confidence == told.stages[0].top[0].probability
    assert len(told.stages[0].top) == 5
    assert told.stages[0].feature_versions == ("test/1",)
    assert (told.vectors, told.audio) == ((), None)


def test_a_song_with_tags_and_album_is_decided_by_all_of_them(
    client: rc.Client, library: SyntheticLibrary
) -> None:
    own, other = (client.classify(vectors=[vector(library, number)]) for number in (0, 1))
    album = rc.Album(title="album", artist="artist", songs=[other])
    decision = client.classify(vectors=[vector(library, 0)], tags=[own.genre], album=album).decision
    assert decision is not None
    assert [part.source for part in decision.parts] == ["sound", "album", "artist", "tags"]
    assert (decision.genre, decision.kind) == (own.genre, rc.WriteKind.NONE)
    assert decision.tag_probability == decision.confidence == decision.top[0].probability
    assert client.classify(vectors=[vector(library, 0)], tags=[]).decision.kind is rc.WriteKind.FILL
    assert own.decision is None


def test_a_song_of_an_artist_of_the_training_is_scored_out_of_fold(
    client: rc.Client, library: SyntheticLibrary
) -> None:
    song, artist = vector(library, 0), f"artist {library.artists[0]}"
    told = client.classify(vectors=[song], artist=f"{artist} feat. a guest")
    assert (told.out_of_fold, told.stages[0].out_of_fold) == (True, True)
    (answer,) = client.classify_many([rc.Song(vectors=[song], artist="a guest", album_artist=artist)])
    assert answer.result().sound == told.sound
    assert not client.classify(vectors=[song]).out_of_fold
    with pytest.raises(rc.BadArgumentError, match="artist is 7"):
        client.classify(vectors=[song], artist=7)  # type: ignore[arg-type] # on purpose


@pytest.mark.parametrize("tags", ["Rock", [1], {"Rock"}])
def test_tags_that_are_no_list_of_names_are_refused(
    client: rc.Client, library: SyntheticLibrary, tags: object
) -> None:
    with pytest.raises(rc.BadArgumentError):
        client.classify(vectors=[vector(library, 0)], tags=tags)  # type: ignore[arg-type]


@pytest.mark.parametrize("way", ["path", "content", "file"])
def test_audio_is_named_in_several_ways_and_its_vectors_serve_the_next_call(
    client: rc.Client, service: System, library: SyntheticLibrary, tmp_path: Path, way: str
) -> None:
    content = bytes(1000)
    (tmp_path / "song.mp3").write_bytes(content)
    ways = {"path": "/music/a.mp3", "content": content, "file": tmp_path / "song.mp3"}
    service.features.audio["/music/a.mp3" if way == "path" else "1000 bytes"] = {1: library.vectors[3]}
    extracted = client.classify(**{way: ways[way]})  # type: ignore[arg-type]  # one of several types
    assert extracted.audio is not None
    assert (extracted.audio.codec, extracted.audio.artist, extracted.audio.genres) == (
        "flac",
        "Somebody",
        ("In the file",),
    )
    again = client.classify(vectors=extracted.vectors)
    assert (again.genre, again.confidence) == (extracted.genre, pytest.approx(extracted.confidence))


def test_a_rating_key_goes_with_its_hint_and_the_options(
    client: rc.Client, service: System, library: SyntheticLibrary
) -> None:
    service.features.audio["17"] = {1: library.vectors[3]}
    service.features.requests.clear()
    options = rc.Options(top_k=2, path_mappings={"/music": "/mnt"}, excerpt="first")
    told = client.classify(rating_key="17", path_hint="/music/a.mp3", guid="plex://track/17", options=options)
    assert len(told.stages[0].top) == 2
    (asked,) = service.features.requests
    assert (asked.audio.rating_key, asked.audio.path_hint) == ("17", "/music/a.mp3")
    assert asked.audio.track.guid == "plex://track/17"
    assert asked.path_mappings[0].from_prefix == "/music"
    assert asked.excerpt == 2


def test_an_error_has_a_type_a_reason_and_a_sentence(client: rc.Client, service: System) -> None:
    refusal = TooShort("3.0 s are too short; 5 s are needed")
    service.features.refusals["/music/short.wav"] = refusal
    with pytest.raises(rc.InvalidRequestError, match=re.escape(str(refusal))) as caught:
        client.classify(path="/music/short.wav")
    error = caught.value
    assert (error.code, error.reason, error.domain, error.permanent) == (
        "INVALID_ARGUMENT", "TOO_SHORT", "reclass.features", True,
    )  # fmt: skip
    assert error.request_id


def test_without_the_token_every_call_is_refused(service: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RECLASS_TOKEN", raising=False)
    with rc.Client(service.target) as unknown:
        for call in (
            unknown.status,
            lambda: unknown.classify(path="/a"),
            lambda: list(unknown.classify_many([rc.Song(path="/a")])),
        ):
            with pytest.raises(rc.TokenMissingError, match="send metadata 'authorization") as caught:
                call()
            assert isinstance(caught.value, rc.TokenRefusedError)
            assert caught.value.permanent


def test_a_wrong_token_reads_otherwise_than_none(service: System) -> None:
    with rc.Client(service.target, token="mistyped") as unknown:  # known to nobody
        for call in (
            unknown.status,
            lambda: unknown.classify(path="/a"),
            lambda: list(unknown.classify_many([rc.Song(path="/a")])),
        ):
            with pytest.raises(rc.TokenInvalidError) as caught:
                call()
            assert isinstance(caught.value, rc.TokenRefusedError)
            assert caught.value.permanent


def test_the_token_may_come_from_the_environment_or_a_file(
    service: System, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RECLASS_TOKEN", TOKEN)
    with rc.Client(service.target) as client:
        assert client.status().stages[0].ready
    monkeypatch.delenv("RECLASS_TOKEN")
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    monkeypatch.setenv("RECLASS_TOKEN_FILE", str(tmp_path / "token"))
    with rc.Client(service.target) as client:
        assert client.status().stages[0].ready


def test_the_status_names_stages_and_limits(client: rc.Client, service: System) -> None:
    status = client.status()
    assert status.limits == rc.Limits(max_content_bytes=2**20, max_calls=2, max_stream_songs=8)
    first = status.stages[0]
    assert (first.ready, first.model_version, first.device) == (True, service.version(), "cpu")
    assert first.train_time is not None
    assert first.train_time.utcoffset() is not None
    assert [stage.kinds for stage in status.stages] == [("FMA",)]


@pytest.mark.parametrize(
    "size", [2**20 + 1, 81 * 2**20], ids=["refused by inference", "refused by grpc itself"]
)
def test_a_file_that_is_too_large_is_refused_with_what_to_do_instead(client: rc.Client, size: int) -> None:
    with pytest.raises(rc.ContentTooLargeError, match="send its path or its rating key instead") as caught:
        client.classify(content=bytes(size))
    assert caught.value.permanent


def test_one_call_too_many_is_refused_with_what_to_do_instead(
    client: rc.Client, service: System, library: SyntheticLibrary
) -> None:
    for path in ("/music/1.flac", "/music/2.flac"):
        service.features.audio[path] = {1: library.vectors[0]}
        service.features.held[path] = threading.Event()
    service.features.requests.clear()
    waiting = [
        threading.Thread(target=client.classify, kwargs={"path": path}) for path in service.features.held
    ]
    for thread in waiting:
        thread.start()
    until(lambda: len(service.features.requests) == 2)
    with pytest.raises(
        rc.TooManyCallsError, match=r"wait a second and try again, or send .* ClassifyTracks"
    ) as caught:
        client.classify(vectors=[vector(library, 0)])
    assert not caught.value.permanent
    for gate in service.features.held.values():
        gate.set()
    for thread in waiting:
        thread.join()
    assert client.classify(vectors=[vector(library, 0)]).genre


def test_a_caller_that_gives_up_ends_the_listening(
    client: rc.Client, service: System, library: SyntheticLibrary
) -> None:
    service.features.audio["/music/long.flac"] = {1: library.vectors[0]}
    service.features.held["/music/long.flac"] = threading.Event()
    service.features.given_up.clear()
    with pytest.raises(rc.TimedOutError):
        client.classify(path="/music/long.flac", timeout=0.5)
    until(lambda: service.features.given_up == ["/music/long.flac"])


def test_many_songs_are_answered_each_and_one_that_fails_spoils_no_other(
    client: rc.Client, library: SyntheticLibrary, tmp_path: Path
) -> None:
    songs = [rc.Song(key=str(song), vectors=[vector(library, song)]) for song in range(60)]
    songs.insert(5, rc.Song(key="gone", file=tmp_path / "gone.mp3"))
    songs.insert(9, rc.Song(key="large", content=bytes(2**20 + 1)))
    answers = {answer.key: answer for answer in client.classify_many(songs)}
    assert len(answers) == 62
    assert all(answers[str(song)].result().genre for song in range(60))
    assert isinstance(answers["gone"].error, rc.FileUnreadableError)
    with pytest.raises(rc.ContentTooLargeError):
        answers["large"].result()


def test_songs_are_taken_only_as_answers_are(client: rc.Client, library: SyntheticLibrary) -> None:
    taken = 0

    def endless() -> Iterator[rc.Song]:
        nonlocal taken
        while True:
            taken += 1
            yield rc.Song(key=str(taken), vectors=[vector(library, 0)])

    answers = client.classify_many(endless())
    for _ in range(10):
        next(answers)
    ahead = 1024
    until(lambda: taken == 10 + ahead)
    until(lambda: resting(lambda: taken))
    assert taken <= 11 + ahead
    answers.close()  # type: ignore[attr-defined]  # it is a generator


def resting(count: Callable[[], int]) -> bool:
    """Whether a count stays as it is, while the service answers what it has been sent."""
    before = count()
    threading.Event().wait(0.3)
    return count() == before


def test_what_the_callers_own_iterable_raises_comes_back_to_it(
    client: rc.Client, library: SyntheticLibrary
) -> None:
    def broken() -> Iterator[rc.Song]:
        yield rc.Song(key="1", vectors=[vector(library, 0)])
        raise LookupError("the caller's own")

    with pytest.raises(LookupError, match="the caller's own"):
        list(client.classify_many(broken()))


def test_the_async_client_does_the_same(service: System, library: SyntheticLibrary, tmp_path: Path) -> None:
    async def ask() -> tuple[rc.Classification, dict[str, rc.Answer], rc.Status]:
        async with rc.AsyncClient(service.target, token=TOKEN) as client:
            one = await client.classify(vectors=[vector(library, 0)])
            with pytest.raises(rc.ContentTooLargeError):
                await client.classify(content=bytes(2**20 + 1))
            many = {answer.key: answer async for answer in client.classify_many(songs())}
            again = {answer.key: answer async for answer in client.classify_many([*few])}
            assert set(again) == {"a", "gone"}
            with pytest.raises(LookupError, match="the caller's own"):
                [answer async for answer in client.classify_many(broken())]
            return one, many, await client.status()

    few = [rc.Song(key="a", vectors=[vector(library, 0)]), rc.Song(key="gone", file=tmp_path / "gone")]

    async def songs() -> AsyncIterator[rc.Song]:
        for song in range(60):
            yield rc.Song(key=str(song), vectors=[vector(library, song)])

    async def broken() -> AsyncIterator[rc.Song]:
        yield rc.Song(key="1", vectors=[vector(library, 0)])
        raise LookupError("the caller's own")

    one, many, status = asyncio.run(ask())
    assert one.genre == many["0"].result().genre
    assert len(many) == 60
    assert status.limits.max_stream_songs == 8


def test_the_async_client_without_the_token_is_refused(service: System) -> None:
    async def ask() -> None:
        async with rc.AsyncClient(service.target, token="wrong") as client:
            with pytest.raises(rc.TokenRefusedError):
                await client.status()
            for _ in range(50):  # a song that is sent into the refusal must not hide it
                with pytest.raises(rc.TokenRefusedError):
                    [answer async for answer in client.classify_many([rc.Song(path="/a")] * 5)]

    asyncio.run(ask())


def test_a_service_that_is_not_there_is_named_within_the_time_limit(unused_port: int) -> None:
    with rc.Client(f"127.0.0.1:{unused_port}") as client, pytest.raises(rc.UnavailableError):
        client.status(timeout=60)


def test_models_are_listed_shown_put_into_service_and_taken_back(
    client: rc.Client, service: System, library: SyntheticLibrary
) -> None:
    options = messages.TrainOptions(seed=5, promotion=messages.PROMOTION_NEVER)
    list(service.stub.Train(training(library, options), timeout=120))
    candidate, *_ = client.list_models()
    (serving,) = (each for each in client.list_models() if each.state is rc.ModelState.IN_SERVICE)
    assert candidate.state is rc.ModelState.CANDIDATE
    report = client.get_model(candidate.name)
    assert report.model == candidate
    assert [stage.model_version for stage in report.stages] == list(candidate.heads)
    assert report.vote is not None
    assert report.vote.coverage[0].coverage == report.stages[0].coverage[0].coverage == 1.0
    assert report.vote.promise is None or report.vote.promise in report.vote.coverage
    assert candidate.held_out is not None
    counted, vote = asdict(candidate.held_out), asdict(report.vote)
    assert counted == {name: vote[name] for name in counted}
    assert 0 < vote["accuracy_low"] <= vote["accuracy"] <= vote["accuracy_high"] <= 1
    assert report.stages[0].feature_versions == candidate.feature_versions == ("test/1",)
    first = report.stages[0]
    assert first.accuracy <= first.top3_accuracy <= first.top5_accuracy <= 1
    assert 0 < report.stages[0].accuracy <= 1
    assert client.promote_model(candidate.name).state is rc.ModelState.IN_SERVICE
    assert client.classify(vectors=[vector(library, 0)]).model_version == candidate.heads[0]
    assert client.rollback_model(candidate.name).name == serving.name
    assert client.get_model().model.name == serving.name
    with pytest.raises(rc.ModelUnknownError, match="kept are: model-"):
        client.promote_model("model-999")


def test_the_async_client_asks_for_models_too(service: System) -> None:
    async def ask() -> None:
        async with rc.AsyncClient(service.target, token=TOKEN) as client:
            models = await client.list_models()
            serving = (await client.get_model()).model
            assert serving in models
            assert await client.promote_model(serving.name) == serving
            assert await client.rollback_model("model-998") == serving

    asyncio.run(ask())


def known_artists(client: rc.Client, library: SyntheticLibrary) -> list[list[rc.AlbumEvidence]]:
    """Two artists of two albums with two songs each, as they were classified, with their tags."""
    answers = client.classify_many(rc.Song(key=str(n), vectors=[vector(library, n)]) for n in range(8))
    said = {answer.key: answer.result() for answer in answers}
    songs = [
        rc.SongEvidence.of(str(n), said[str(n)], tags=[library.genres[library.labels[n]]]) for n in range(8)
    ]
    albums = [
        rc.AlbumEvidence(title=f"Album {n}", artist=f"Artist {n // 2}", songs=songs[2 * n : 2 * n + 2])
        for n in range(4)
    ]
    return [albums[:2], albums[2:]]


def test_a_library_is_decided_from_what_was_answered_of_it(
    client: rc.Client, library: SyntheticLibrary
) -> None:
    artists = known_artists(client, library)
    decisions = client.decide(artists)
    assert (decisions.reading.judgements, decisions.reading.wrong_share_low) == (0, 0.05)
    assert decisions.reading.coverage[0].coverage == 1.0
    found = {decision.key: decision for decision in decisions}
    assert sorted(found) == [str(n) for n in range(8)]
    for decision in found.values():
        assert [part.source for part in decision.parts] == ["sound", "album", "artist", "tags"]
        assert decision.parts[-1].probability == decision.confidence == decision.top[0].probability
        assert decision.kind in (rc.WriteKind.NONE, rc.WriteKind.CORRECTION)
    alone = client.decide(artists, sources=rc.Sources(tags=False, albums=False))
    assert [[part.source for part in decision.parts] for decision in alone] == [["sound"]] * 8


def test_judgements_are_sent_first_and_an_album_that_was_judged_at_once_counts_once(
    client: rc.Client, library: SyntheticLibrary
) -> None:
    songs = [
        replace(song, judgement=rc.Judgement(genres=song.tags, act=act))
        for artist in known_artists(client, library)
        for album, act in zip(artist, ("at once", ""), strict=True)
        for song in album.songs
    ]
    reading = client.decide([], judged=songs).reading
    assert (reading.judgements, reading.judged_songs) == (5, 8)


def test_songs_of_another_models_word_get_no_genre_and_guesses_are_no_evidence(
    client: rc.Client, library: SyntheticLibrary
) -> None:
    said = client.classify(vectors=[vector(library, 0)])
    guess = rc.SongEvidence.of("guess", replace(said, outcome=rc.Outcome.OUT_OF_DISTRIBUTION))
    assert (guess.model_version, guess.sound) == ("", b"")
    old = replace(rc.SongEvidence.of("old", said), model_version="genre_fma/999")
    decisions = list(client.decide([[rc.AlbumEvidence(songs=[guess, old])]]))
    assert [(decision.key, decision.genre, decision.parts) for decision in decisions] == [
        ("guess", "", ()), ("old", "", ()),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "artist", ["Rock", 5, rc.AlbumEvidence(), [rc.Song(path="/a")], [rc.AlbumEvidence(songs=["a"])]]
)
def test_an_artist_that_is_none_is_a_bad_argument_in_both_clients(
    client: rc.Client, service: System, artist: object
) -> None:
    with pytest.raises(rc.BadArgumentError):
        list(client.decide([artist]))  # type: ignore[list-item]

    async def ask() -> None:
        async with rc.AsyncClient(service.target, token=TOKEN) as asynchronous:
            await asynchronous.decide([artist])  # type: ignore[list-item]

    with pytest.raises(rc.BadArgumentError):
        asyncio.run(ask())


def test_what_the_service_refuses_to_decide_has_its_reason(client: rc.Client) -> None:
    twice = [rc.AlbumEvidence(songs=[rc.SongEvidence(key="")])]
    with pytest.raises(rc.InvalidRequestError):
        list(client.decide([twice]))
    with pytest.raises(rc.ModelUnknownError):
        client.decide([], model="model-999")


def test_the_async_client_decides_a_library_too(
    client: rc.Client, service: System, library: SyntheticLibrary
) -> None:
    artists = known_artists(client, library)

    async def each() -> AsyncIterator[rc.ArtistEvidence]:
        for artist in artists:
            yield artist

    async def broken() -> AsyncIterator[rc.ArtistEvidence]:
        yield artists[0]
        raise LookupError("the caller's own")

    async def ask() -> list[rc.Decision]:
        async with rc.AsyncClient(service.target, token=TOKEN) as asynchronous:
            decisions = await asynchronous.decide(each())
            found = [decision async for decision in decisions]
            assert decisions.reading.judgements == 0
            assert [decision async for decision in await asynchronous.decide(artists)] == found
            with pytest.raises(LookupError, match="the caller's own"):
                [decision async for decision in await asynchronous.decide(broken())]
        async with rc.AsyncClient(service.target, token="wrong") as unknown:
            with pytest.raises(rc.TokenRefusedError):
                await unknown.decide(artists)
        return found

    assert asyncio.run(ask()) == list(client.decide(artists))
