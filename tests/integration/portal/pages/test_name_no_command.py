"""Whoever reads a page has no shell at hand: no page, in no state, tells a person to type a command."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest
import songs
from django.conf import settings
from django.contrib import admin
from django.db.models import CharField, TextField
from django.test import Client
from django.urls import NoReverseMatch, reverse
from portal.genres.models import Genre
from portal.ledger.models import WriteBatch, WriteRow
from portal.library.models import Analysis, Track
from portal.preferences.changing import NOT_APPLIED
from portal.runs.models import Run, RunSong
from portal.teaching.models import TaughtSet
from portal.verdicts.models import Prediction

pytestmark = pytest.mark.usefixtures("genres")
COMMAND = re.compile(r"\breclass [a-z-]+|`")
# What pages call Analyse and Apply, as their buttons do.
WORDS_OF_COMMANDS = re.compile(r"\b(?:extract|push)\w*", re.IGNORECASE)
SENTENCE = "There is none: run `reclass train`, `reclass sync`, or `reclass whatever --now` first."
# Sentences that the services or the portal itself put there, wherever the database keeps them.
SAID = {
    Track: ("analysis_message",), Run: ("message", "step"), RunSong: ("message",), WriteRow: ("message",),
    TaughtSet: ("trouble",), Prediction: ("provisional_reason",),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _services_that_are_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """What they say of a service that is silent has a command in it."""
    for name in ("sync_target", "features_target", "inference_target"):
        monkeypatch.setattr(settings.RECLASS, name, "127.0.0.1:1")
    monkeypatch.setattr("portal.training.preparing.TIMEOUT_SECONDS", 0.3)


class Seen(HTMLParser):
    """What a person sees or hears of a page: text, and the notes that a mouse brings up."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self._hidden = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("script", "style")
        self.said += [value or "" for name, value in attrs if name in ("title", "placeholder", "aria-label")]

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.said.append(data)


def commands_on(answer: Any) -> list[str]:
    found = COMMAND.findall(" ".join(Seen(answer.content.decode()).said))
    return list(map(str, found))


def addresses() -> list[str]:
    """Every page of the admin that opens by itself, and one of each object that there is."""
    found = [reverse("admin:index")]
    for model, registered in admin.site._registry.items():  # nothing public lists it
        names = [f"admin:{name}" for name in (each.name for each in registered.get_urls()) if name]
        manager = model._default_manager if model._meta.managed else None
        some = manager.first() if manager else None
        for name in dict.fromkeys(names):
            for arguments in ((), (some.pk,) if some else ()):
                try:
                    found.append(reverse(name, args=arguments))
                except NoReverseMatch:
                    continue
    return list(dict.fromkeys(found))


def poison(model: type[Any], names: tuple[str, ...]) -> None:
    model.objects.update(**dict.fromkeys(names, SENTENCE))


def everything_is_said() -> None:
    """Objects of every kind, each with a sentence that has commands in it."""
    tracks = songs.make_classified_songs(4)
    batch = songs.make_batch(tracks)
    run = Run.objects.create(kind=Run.Kind.CLASSIFY, state=Run.State.FAILED, request_id="r")
    RunSong.objects.create(run=run, track=tracks[0], state=RunSong.State.FAILED)
    TaughtSet.objects.create(genre=Genre.objects.get(name="Folk"), source="folder", title="/music")
    for model, names in SAID.items():
        poison(model, names)
    assert batch.rows.exists()


def test_the_sentences_that_the_database_keeps_are_all_looked_at() -> None:
    kept = {
        (model, field.name)
        for model in (Track, Run, RunSong, WriteRow, WriteBatch, TaughtSet, Prediction)
        for field in model._meta.get_fields()
        if isinstance(field, TextField | CharField)
        and re.search("message|step|trouble|provisional_reason", field.name)
    }
    assert kept == {(model, name) for model, names in SAID.items() for name in names}


@pytest.mark.parametrize("filled", [False, True], ids=["empty", "filled"])
def test_no_page_names_a_command(admin_client: Client, filled: bool) -> None:
    if filled:
        everything_is_said()
    for address in addresses():
        answer = admin_client.get(address, follow=True)
        # The sound of a song is not to be had without the services, and says so.
        assert answer.status_code in (200, 403, 404, 405, 503), address
        assert commands_on(answer) == [], address


def test_no_page_calls_a_run_by_its_command(admin_client: Client) -> None:
    songs.make_batch(songs.make_classified_songs(4))
    for kind in Run.Kind:
        Run.objects.create(kind=kind, state=Run.State.DONE, request_id="r", message="Done.")
    runs = [reverse("admin:runs_run_change", args=(run.pk,)) for run in Run.objects.all()]
    for address in {*addresses(), *runs}:
        said = " ".join(Seen(admin_client.get(address, follow=True).content.decode()).said)
        assert WORDS_OF_COMMANDS.findall(said) == [], address


@pytest.mark.parametrize("kind", Run.Kind)
def test_a_run_that_is_at_work_already_is_called_by_no_command(kind: Run.Kind) -> None:
    from portal.orchestration.start import CannotStart, _start

    _start(kind)
    with pytest.raises(CannotStart, match="already") as refused:
        _start(kind)
    assert WORDS_OF_COMMANDS.findall(str(refused.value)) == []


@pytest.mark.parametrize(
    "analysis", ["failed", "skipped", "provisional", "out_of_distribution", "extracted", "pending"]
)
def test_the_page_of_a_song_in_any_state_names_no_command(admin_client: Client, analysis: str) -> None:
    everything_is_said()
    Track.objects.update(analysis=Analysis(analysis))
    track = Track.objects.latest("pk")
    answer = admin_client.get(reverse("admin:library_track_change", args=(track.pk,)))
    assert commands_on(answer) == []


@pytest.mark.parametrize("kind", ["sync", "extract", "train", "classify", "plan"])
def test_a_run_that_cannot_start_says_so_without_a_command(admin_client: Client, kind: str) -> None:
    songs.make_song(songs.make_library(), 1)
    address = reverse("admin:runs_run_start", args=(kind,))
    first = admin_client.post(address, follow=True)
    second = admin_client.post(address, follow=True)
    assert "already running" in second.content.decode()
    assert commands_on(first) == commands_on(second) == []


def test_a_setting_that_is_refused_says_so_without_a_command(admin_client: Client) -> None:
    from portal.preferences.values import DEFAULTS

    page = admin_client.get(reverse("admin:preferences_changedsetting_changelist"))
    fields = page.context["groups"][0]["lines"][0].field.form.initial | DEFAULTS.model_dump()
    sent = {name: "\n".join(value) if isinstance(value, tuple) else value for name, value in fields.items()}
    sent = {name: value for name, value in sent.items() if value is not False} | {"write_automatically": "on"}
    answer = admin_client.post(reverse("admin:preferences_changedsetting_changelist"), sent | {"save": ""})
    assert NOT_APPLIED.partition(". ")[0] in answer.content.decode()
    assert commands_on(answer) == []
