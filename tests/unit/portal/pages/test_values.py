"""The pure parts of the admin: badges, differences, stages, advice."""

import re
from pathlib import Path

import portal
import pytest
from portal.decisions.suspicion import Suspicion
from portal.ledger.differences import difference
from portal.ledger.models import WriteBatch, WriteRow
from portal.ledger.plex_state import STATE_AFTER
from portal.library.flags import Flag
from portal.library.models import Analysis, InPlex
from portal.library.tag_agreement import Agreement
from portal.pages import badges, ledger
from portal.pages.dashboard.advice import Situation, advice, steps
from portal.remote.verdicts import GenreScore, StageVerdict, kinds_of_head
from portal.runs.models import Run, RunSong
from portal.verdicts.predictions import stage_verdicts, stored_stages

STYLES = (Path(portal.__file__).parent / "static" / "portal" / "portal.css").read_text()


@pytest.mark.parametrize(
    ("looks", "states"),
    [
        (badges.ANALYSIS, Analysis),
        (badges.IN_PLEX, InPlex),
        (badges.FLAGS, Flag),
        (badges.AGREEMENT, Agreement),
        (badges.BATCH, WriteBatch.State),
        (badges.ROW, WriteRow.State),
        (badges.RUN, Run.State),
        (badges.RUN_SONG, RunSong.State),
    ],
)
def test_every_state_has_words_a_colour_and_a_meaning(
    looks: dict[str, badges.Badge], states: type[Analysis]
) -> None:
    assert set(looks) == set(states.values)
    assert all(badge.text and badge.meaning.endswith(".") for badge in looks.values())


def test_every_colour_of_badges_is_in_the_style_sheet() -> None:
    assert [tone for tone in badges.Tone if f".rc-badge.rc-{tone} " not in STYLES] == []


def test_every_colour_of_badges_has_a_light_and_a_dark_form() -> None:
    light, dark = re.findall(r"^(?::root|\.dark) \{(.*?)^\}", STYLES, re.MULTILINE | re.DOTALL)
    for tone in badges.Tone:
        for form in ("soft", "text"):
            assert f"--rc-{tone}-{form}:" in light, tone
            assert f"--rc-{tone}-{form}:" in dark, tone


def test_a_badge_escapes_what_it_shows() -> None:
    badge = badges.Badge(text="<b>", tone=badges.Tone.BAD, meaning='"')
    assert str(badge) == '<span class="rc-badge rc-bad" title="&quot;">&lt;b&gt;</span>'


def test_every_row_state_but_failure_says_what_of_ours_stands_in_plex() -> None:
    assert set(STATE_AFTER) == set(WriteRow.State.values) - {WriteRow.State.FAILED}


def test_a_difference_marks_only_what_differs() -> None:
    found = difference(["Rock", "Jazz"], ["Jazz", "Blues"])
    assert [(tag.name, tag.kept) for tag in found.before] == [("Rock", False), ("Jazz", True)]
    assert [(tag.name, tag.kept) for tag in found.after] == [("Jazz", True), ("Blues", False)]
    assert found.changes


def test_equal_lists_do_not_differ_and_another_order_does() -> None:
    assert not difference(["A", "B"], ["A", "B"]).changes
    assert difference(["A", "B"], ["B", "A"]).changes


def test_stored_stages_are_read_in_order_with_percents() -> None:
    stored = [
        [2, "m/2", True, 0.7, ["Jazz", 0.8123, "Blues", 0.1]],
        [1, "f/1", False, 0.8, []],
    ]
    first, second = stage_verdicts(stored, lambda head: f"what {head} uses")
    assert (first.stage, first.features) == (1, "what f/1 uses")
    assert (first.decided, first.threshold_percent) == (False, 80.0)
    assert (second.top[0].genre, second.top[0].percent) == ("Jazz", 81.2)
    assert [score.genre for score in second.top] == ["Jazz", "Blues"]


def test_what_a_stage_uses_is_read_from_the_name_of_its_head() -> None:
    assert kinds_of_head("genre_fma/7") == ("fma",)
    assert kinds_of_head("genre_fma_musicnn_kind1000/7") == ("fma", "musicnn", "kind1000")
    assert kinds_of_head("another/1") == ()


def test_what_a_stage_said_is_stored_with_the_digits_that_mean_something() -> None:
    top = GenreScore(genre="Jazz", probability=0.799999), GenreScore(genre="Folk", probability=1 / 3)
    verdict = StageVerdict(stage=1, model_version="f/1", decided=False, threshold=0.8, top=top)
    stored = stored_stages([verdict])
    assert stored == [[1, "f/1", False, 0.8, ["Jazz", 0.8, "Folk", 0.3333]]]
    (read,) = stage_verdicts(stored)
    assert (read.decided, read.top[1].probability) == (False, 0.3333)


TROUBLE = "The token was refused."


def situation(**fields: object) -> Situation:
    nothing: dict[str, object] = {
        "songs": 10,
        "by_analysis": {},
        "by_in_plex": {},
        "tagged": 10,
        "running": frozenset(),
        "model_ready": True,
    }
    return Situation(**(nothing | fields))  # type: ignore[arg-type] # the names are checked by the call


def test_with_plex_out_of_reach_the_advice_is_what_sync_said_and_where_to_set_it() -> None:
    found = advice(situation(songs=0, plex_trouble=TROUBLE))
    assert len(found) == 1
    assert TROUBLE in found[0].text
    assert found[0].page == "preferences/changedsetting/#plex-connection"


def test_with_no_songs_the_advice_is_to_sync() -> None:
    assert [one.kind for one in advice(situation(songs=0))] == ["sync"]


def test_with_no_model_the_advice_is_to_train_and_without_tags_to_set_genres_by_hand() -> None:
    assert [one.kind for one in advice(situation(model_ready=False))] == ["train"]
    assert "set some by hand" in advice(situation(model_ready=False, tagged=0))[0].text


@pytest.mark.parametrize(
    ("expected_wrong", "begins"),
    [
        (1, "2 songs have a tag that looks wrong (about 1 of 2"),
        (0, "2 songs are worth a listen"),
        (None, "2 songs are worth a listen"),
    ],
)
def test_tags_that_the_sound_contradicts_look_wrong_only_where_half_of_them_are(
    expected_wrong: int | None, begins: str
) -> None:
    written = {"by_analysis": {"classified": 9}, "by_in_plex": {"written": 3}, "planned_since": True}
    suspected = Suspicion(songs=2, expected_wrong=expected_wrong)
    (found,) = advice(situation(**written, suspected=suspected))
    assert found.text.startswith(begins)
    assert found.page == "library/track/?suspected_label_error=yes"
    assert advice(situation(**written)) == []


EXTRACTED = {"by_analysis": {"extracted": 10}}
CLASSIFIED = {"by_analysis": {"classified": 10}}


@pytest.mark.parametrize(
    ("how_it_is", "button"),
    [
        ({"songs": 0, "plex_unset": True, "plex_trouble": "no server is configured"}, "Connect Plex"),
        ({"songs": 0, "plex_trouble": TROUBLE}, "Open Settings"),
        ({"songs": 0}, "Sync now"),
        ({"songs": 0, "synced": True}, "Sync now"),
        ({"by_analysis": {"pending": 10}, "model_ready": False, "trainable": 0}, "Analyse"),
        ({"by_analysis": {"pending": 10}, "model_ready": None}, "Analyse"),
        (EXTRACTED | {"model_ready": False, "trainable": 9}, "Train"),
        (EXTRACTED | {"model_ready": False, "trainable": 1}, "See what helps"),
        (EXTRACTED | {"model_ready": False, "trainable": 1, "unknown_tags": 7}, "Unknown tags"),
        (EXTRACTED | {"model_ready": False, "tagged": 0, "unknown_tags": 7}, "Unknown tags"),
        (EXTRACTED | {"model_ready": False, "model_trouble": "It is damaged."}, "Show the models"),
        (EXTRACTED, "Classify pending"),
        ({"by_analysis": {"pending": 1, "classified": 9}}, "Classify pending"),
        (CLASSIFIED | {"stale": 3, "planned_since": True}, "Classify again"),
        (CLASSIFIED, "Dry run"),
        (CLASSIFIED | {"planned_batch": 4}, "Look it over"),
        (
            CLASSIFIED | {"planned_since": True, "suspected": Suspicion(songs=2, expected_wrong=2)},
            "Look them over",
        ),
        (CLASSIFIED | {"planned_since": True}, None),
        ({"songs": 0, "down": ("sync",)}, None),
        ({"by_analysis": {"pending": 10}, "model_ready": False, "tagged": 3, "down": ("features",)}, "Train"),
        (EXTRACTED | {"running": frozenset({"train"}), "model_ready": False}, None),
        ({"by_analysis": {"pending": 10}, "running": frozenset({"sync"})}, None),
    ],
)
def test_the_one_next_step_is_the_one_that_works_now(
    how_it_is: dict[str, object], button: str | None
) -> None:
    found = advice(situation(**how_it_is))
    assert [one.button for one in found if one.is_next] == ([button] if button else [])


def test_all_steps_stand_there_in_order_and_say_why_they_cannot_be_taken() -> None:
    fresh = {step.button: step.why_not for step in steps(situation(songs=0, tagged=0, model_ready=False))}
    assert list(fresh) == ["Sync now", "Analyse", "Train", "Classify pending", "Dry run"]
    assert [name for name, why_not in fresh.items() if not why_not] == ["Sync now"]
    last = steps(situation(**CLASSIFIED, planned_batch=4, written_batch=3))
    assert [(step.button, step.page) for step in last[5:]] == [
        ("Apply batch 4", "ledger/writebatch/4/change/"), ("Roll back batch 3", "ledger/writebatch/3/change/"),
    ]  # fmt: skip
    assert not any(step.why_not for step in last)


def test_a_run_is_called_by_the_words_of_its_button() -> None:
    buttons = {step.kind: step.button for step in steps(situation(**CLASSIFIED)) if step.kind}
    buttons |= {Run.Kind.PUSH: ledger.APPLY.words, Run.Kind.ROLLBACK: ledger.ROLL_BACK.words}
    other = [kind for kind, button in buttons.items() if not button.startswith(Run.Kind(kind).label)]
    assert other == []
    assert set(buttons) | {Run.Kind.PROMOTE, Run.Kind.DECIDE, Run.Kind.FILL} == set(Run.Kind.values)


def test_what_is_being_done_is_not_advised() -> None:
    pending = situation(by_analysis={"pending": 3}, running=frozenset({"classify"}))
    assert [one.kind for one in advice(pending)] == []


def test_suspended_sets_are_told_before_anything_is_learned_and_are_no_step_of_the_way() -> None:
    found = advice(situation(model_ready=False, suspended_sets="K-Pop is suspended."))
    assert (found[0].text, found[0].kind) == ("K-Pop is suspended.", "")
    assert [one.kind for one in found if one.is_next] == ["train"]


def test_a_planned_batch_is_to_be_applied_and_failures_are_to_be_looked_at() -> None:
    found = advice(situation(by_analysis={"failed": 1, "classified": 9}, planned_batch=4))
    assert [one.page for one in found] == [
        "library/track/?analysis__exact=failed",
        "ledger/writebatch/4/change/",
    ]


def test_when_nobody_could_be_asked_about_models_no_training_is_advised() -> None:
    assert advice(situation(model_ready=None)) == []


def test_verdicts_of_an_older_model_are_to_be_renewed_unless_a_run_does_that_already() -> None:
    (found,) = advice(situation(stale=16))
    assert (found.kind, found.button) == ("classify", "Classify again")
    assert found.text == "16 songs have been classified by an older model than the one in service."
    assert advice(situation(stale=16, running=frozenset({"classify"}))) == []


def test_a_damaged_model_is_named_and_nobody_is_told_that_none_was_trained() -> None:
    (found,) = advice(situation(model_ready=False, model_trouble="genre_fma/2 is damaged. Train again."))
    assert found.text == "The model in service cannot classify songs: genre_fma/2 is damaged. Train again."
    assert found.page == "registry/trainedmodel/"
