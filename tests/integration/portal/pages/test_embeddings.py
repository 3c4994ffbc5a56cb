"""The page of embeddings: what each row says, what its buttons do, and who may press them."""

import html
import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone
from portal.library.embedding_order import move, proposal, switch, use_order
from portal.library.embeddings import enabled_kinds
from portal.library.models import Embedding, Vector
from portal.preferences.changing import change
from portal.preferences.models import SettingChange
from portal.registry.embedding_table import embedding_table
from portal.registry.models import ModelStage, TrainedModel
from portal.runs.models import Run
from songs import make_library, make_song

PAGE = "/admin/preferences/changedsetting/embeddings/"
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("three")]


@pytest.fixture
def three() -> None:
    rows = (("fma", "FMA", 0.9), ("musicnn", "MusiCNN", 0.4), ("mert", "MERT", 4.0))
    for place, (kind, name, cost) in enumerate(rows):
        Embedding.objects.create(
            kind=kind,
            name=name,
            position=place,
            cpu_seconds=cost,
            available=kind != "mert",
            detail="cpu" if kind != "mert" else "It is not installed: download its weights",
            version=f"{kind}/1",
            length=10,
            licence={"musicnn": "ISC", "mert": "CC-BY-NC-4.0"}.get(kind, ""),
            weights_bytes=3_150_000 if kind == "musicnn" else 0,
            seen_time=timezone.now(),
        )


def measured(**seconds: float) -> None:
    for kind, each in seconds.items():
        Embedding.objects.filter(kind=kind).update(measured_seconds=each, measured_songs=50, available=True)


def part(client: Client, kind: str) -> str:
    page = client.get(PAGE).content.decode()
    (found,) = re.findall(rf'data-embedding="{kind}">(.*?)</section>', page, re.DOTALL)
    return html.unescape(found)


def trained() -> TrainedModel:
    model = TrainedModel.objects.create(
        name="model-7", state="in service", heads=[], feature_versions=[], genres=[], song_count=1, group_count=1,
        training_digest="d", random_weights=False, created_time=timezone.now(), is_rollback_target=False,
        skipped_embeddings=[["mert", "Only 3 songs have its vectors."]],
    )  # fmt: skip
    figures = {
        field.name: 0.5
        for field in ModelStage._meta.concrete_fields
        if field.get_internal_type() == "FloatField"
    } | {"held_out_songs": 100, "added_songs": 90}
    ModelStage.objects.create(
        model=model, stage=2, model_version="genre_fma_musicnn/7", feature_versions=[], kinds=["fma", "musicnn"],
        **figures | {"added_accuracy": 0.081, "added_accuracy_low": 0.052, "added_accuracy_high": 0.11},
    )  # fmt: skip
    return model


def test_each_row_says_what_it_costs_and_whether_it_is_installed(admin_client: Client) -> None:
    library = make_library()
    for number in range(3):
        song = make_song(library, number, analysis="extracted")
    Vector.objects.create(audio=song.audio, kind="musicnn", version="musicnn/1", half_values=[1.0])
    said = part(admin_client, "musicnn")
    assert "about 400 ms of one processor core" in said
    assert "3.15 MB" in said
    assert "ISC: free for every use" in said
    assert "1 have its present vector; 2 lack it" in said
    assert "not installed" in part(admin_client, "mert")
    measured(musicnn=0.25)
    assert "250 ms, measured here on 50 songs" in part(admin_client, "musicnn")


def test_a_row_says_what_the_last_training_measured_and_why_it_left_one_out(admin_client: Client) -> None:
    trained()
    said = part(admin_client, "musicnn")
    assert "8.1 points (95 %: 5.2 to 11.0) to FMA, on 90 songs of held-out artists (model-7)" in said
    assert "Only 3 songs have its vectors." in part(admin_client, "mert")
    row = next(row for row in embedding_table() if row.kind == "musicnn")
    assert row.added
    assert (round(row.added.points, 1), row.added.songs) == (8.1, 90)


def test_buttons_switch_and_move_and_each_change_is_kept_with_who_made_it(
    admin_client: Client, admin_user: User
) -> None:
    admin_client.post(PAGE, {"off": "musicnn"})
    assert enabled_kinds() == ("fma", "mert")
    admin_client.post(PAGE, {"on": "musicnn"})
    admin_client.post(PAGE, {"down": "musicnn"})
    assert enabled_kinds() == ("fma", "mert", "musicnn")
    admin_client.post(PAGE, {"up": "musicnn"})
    assert enabled_kinds() == ("fma", "musicnn", "mert")
    changes = list(SettingChange.objects.order_by("pk").values_list("name", "before", "after", "changed_by"))
    assert changes[:2] == [
        ("embedding musicnn", True, False, admin_user.pk),
        ("embedding musicnn", False, True, admin_user.pk),
    ]
    assert changes[2][1:3] == (["fma", "musicnn", "mert"], ["fma", "mert", "musicnn"])
    assert len(changes) == 4


@pytest.mark.parametrize(
    "asked",
    [{"off": "fma"}, {"off": "vggish"}, {"up": "musicnn"}, {"down": "mert"}, {"use_order": "yes"}, {}],
)
def test_what_cannot_be_done_changes_nothing(admin_client: Client, asked: dict[str, str]) -> None:
    assert admin_client.post(PAGE, asked).status_code == 302
    assert enabled_kinds() == ("fma", "musicnn", "mert")
    assert not SettingChange.objects.exists()


def test_a_cheaper_order_is_proposed_by_what_was_measured_and_used_by_a_button(admin_client: Client) -> None:
    assert proposal() is None, "what is roughly known beforehand proposes nothing"
    measured(musicnn=0.3, mert=0.28)
    assert proposal() is None, "within a tenth"
    measured(mert=0.05)
    found = proposal()
    assert found
    assert (found.kinds, found.cheaper, found.dearer) == (("mert", "musicnn"), "MERT", "MusiCNN")
    assert "data-proposal" in admin_client.get(PAGE).content.decode()
    admin_client.post(PAGE, {"use_order": "yes"})
    assert enabled_kinds() == ("fma", "mert", "musicnn")
    assert proposal() is None
    assert "data-proposal" not in admin_client.get(PAGE).content.decode()


def test_what_is_missing_is_filled_in_by_a_button_of_who_may_start_runs(
    admin_client: Client, client: Client
) -> None:
    make_song(make_library(), 1, analysis="extracted")
    page = admin_client.get(PAGE).content.decode()
    assert 'name="fill"' in page
    kim = User.objects.create_user("kim", password="pw", is_staff=True)
    kim.user_permissions.set(Permission.objects.filter(codename="change_changedsetting"))
    client.force_login(kim)
    assert 'name="fill"' not in client.get(PAGE).content.decode()
    assert client.post(PAGE, {"fill": "yes"}).status_code == 403
    admin_client.post(PAGE, {"fill": "yes"})
    run = Run.objects.get()
    assert (run.kind, run.arguments["kinds"]) == (Run.Kind.FILL, ["musicnn"])
    assert "is at work" in admin_client.get(PAGE).content.decode()


def test_an_order_that_names_some_leaves_the_others_behind_them() -> None:
    use_order(["mert"])
    assert enabled_kinds() == ("fma", "mert", "musicnn")
    assert use_order(["mert", "musicnn"]) is None
    assert switch("mert", on=True) is None
    assert move("mert", up=True) is None


@pytest.mark.parametrize(
    ("rights", "sees", "changes"), [((), 403, 403), (("view",), 200, 403), (("change",), 200, 302)]
)
def test_it_needs_the_right_that_settings_need(
    client: Client, rights: tuple[str, ...], sees: int, changes: int
) -> None:
    kim = User.objects.create_user("kim", password="pw", is_staff=True)
    kim.user_permissions.set(
        Permission.objects.filter(codename__in=[f"{right}_changedsetting" for right in rights])
    )
    client.force_login(kim)
    assert client.get(PAGE).status_code == sees
    assert client.post(PAGE, {"off": "musicnn"}).status_code == changes
    assert ("musicnn" in enabled_kinds()) == (changes != 302)


def test_old_measurements_and_unknown_ones_are_told_apart() -> None:
    Embedding.objects.filter(kind="mert").update(cpu_seconds=0, seen_time=timezone.now() - timedelta(days=3))
    row = next(row for row in embedding_table() if row.kind == "mert")
    assert (row.seconds, row.seconds_left) == (0.0, None)


def test_the_focus_goes_back_to_the_card_whose_button_was_pressed(admin_client: Client) -> None:
    for asked in ({"down": "musicnn"}, {"up": "musicnn"}, {"off": "musicnn"}, {"on": "musicnn"}):
        assert admin_client.post(PAGE, asked).headers["Location"] == f"{PAGE}#embedding-musicnn"
    assert admin_client.post(PAGE, {"off": "</script>"}).headers["Location"] == PAGE
    assert 'id="embedding-musicnn" tabindex="-1"' in admin_client.get(PAGE).content.decode()


def filling(client: Client) -> str:
    page = html.unescape(client.get(PAGE).content.decode())
    (found,) = re.findall(r"data-filling>(.*?)</section>", page, re.DOTALL)
    return str(found)


def test_the_page_says_when_filling_begins_and_which_reason_keeps_it_from_it(admin_client: Client) -> None:
    make_song(make_library(), 1, analysis="extracted")
    assert "quarter of an hour" in filling(admin_client)
    run = Run.objects.create(kind=Run.Kind.FILL, state=Run.State.DONE, arguments={"kinds": ["musicnn"]})
    Run.objects.filter(pk=run.pk).update(finished_time=timezone.now())
    again = timezone.localtime(timezone.now() + timedelta(days=1))
    assert f"{again:%B}" in filling(admin_client)
    assert "quarter of an hour" not in filling(admin_client)
    measured(musicnn=9 * 3600.0)
    assert ("night" in filling(admin_client), "is <em>never" in filling(admin_client)) == (True, False)
    change({"fill_automatically": "never"})
    assert ("night" in filling(admin_client), "is <em>never" in filling(admin_client)) == (False, True)


def test_one_without_a_version_is_counted_by_its_vectors_and_one_never_made_lacks_all_songs() -> None:
    library = make_library()
    for number in range(3):
        song = make_song(library, number, analysis="extracted")
    Vector.objects.create(audio=song.audio, kind="musicnn", version="musicnn/1", half_values=[1.0])
    Embedding.objects.exclude(kind="fma").update(version="")
    counts = {row.kind: (row.done, row.lacking) for row in embedding_table()}
    assert (counts["musicnn"], counts["mert"]) == ((1, 2), (0, 3))


def test_switching_says_what_is_missing_and_that_a_run_at_work_goes_on(admin_client: Client) -> None:
    def said(asked: dict[str, str]) -> str:
        page = admin_client.post(PAGE, asked, follow=True).content.decode()
        return " ".join(re.findall(r"[^<>]* is used [^<>]*", page))

    Run.objects.create(kind=Run.Kind.EXTRACT, state=Run.State.RUNNING, result={"versions": {"musicnn": "1"}})
    assert "goes on" not in said({"off": "mert"})
    assert "goes on" in said({"off": "musicnn"})
    assert "missing" not in said({"on": "musicnn"})
    admin_client.post(PAGE, {"off": "musicnn"})
    make_song(make_library(), 1, analysis="extracted")
    assert "missing" in said({"on": "musicnn"})


def test_what_trial_weights_add_means_nothing_and_a_reason_is_said_once(admin_client: Client) -> None:
    trained()
    Embedding.objects.filter(kind="musicnn").update(version="musicnn/1;weights=trial")
    said = part(admin_client, "musicnn")
    assert ("means nothing" in said, "points" in said, "ISC" in said) == (True, False, False)
    Embedding.objects.filter(kind="mert").update(detail="MERT is not installed here: get its weights")
    assert part(admin_client, "mert").lower().count("not installed") == 2  # the badge, and the line's name
    assert "Get its weights" in part(admin_client, "mert")
