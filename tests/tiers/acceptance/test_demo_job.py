"""The main job: after the demo, songs, figures, Plex and ledger are as they must be."""

import json
import re
from collections.abc import Callable

import pytest
from running_demo import RunningDemo
from standalone.demo_library import SPELLINGS

pytestmark = pytest.mark.timeout(600)


def truth(demo: RunningDemo) -> dict[str, dict[str, object]]:
    """What the library's maker says of each song, by the path that Plex names."""
    songs = json.loads((demo.folder.root / "demo" / "music" / "library.json").read_text())["songs"]
    return {f"/music/{song['path']}": song for song in songs}


def test_the_demo_ends_within_six_minutes_and_prints_its_figures(
    demo: RunningDemo, say: Callable[[object], None]
) -> None:
    say(demo.output[demo.output.index("What came of it") :])
    assert demo.seconds < 360
    for line in ("Right genre in Plex", "Held-out artists", "Wrong tags", "Missing tags", "Written to Plex"):
        assert line in demo.output
    assert "✗" not in demo.output


def test_the_demo_guesses_before_it_trains_and_tells_each_stage_afterwards(demo: RunningDemo) -> None:
    guessed = demo.output.index("First guesses, before training")
    assert guessed < demo.output.index("Train on the tags")
    found = re.search(r"(\d+) of 160 songs have one.* and (\d+) of the made songs", demo.output)
    assert found
    assert int(found[1]) >= int(found[2]) > 0
    after = demo.output[demo.output.index("What came of it") :]
    assert all(words in after for words in ("stage 1 (FMA)", "stage 2 (FMA + MusiCNN)"))
    assert demo.status()["songs"]["first_guesses"] == 0  # a model is in service


def test_status_counts_every_song(demo: RunningDemo, say: Callable[[object], None]) -> None:
    songs = demo.status()["songs"]
    say(songs)
    assert songs["synced"] == songs["extracted"] == songs["classified"] + songs["out_of_distribution"] == 160
    assert songs["failed"] == 0
    assert 0 < songs["written"] <= 160


def test_held_out_artist_accuracy_and_planted_wrong_tags_are_in_range(
    demo: RunningDemo, say: Callable[[object], None]
) -> None:
    known = truth(demo)
    rows = demo.export()
    held_out = [row for row in rows if row["out_of_fold"]]
    accuracy = sum(row["ai_genre"] == known[row["file"]]["true_genre"] for row in held_out) / len(held_out)
    wrong = {path for path, song in known.items() if song["tag_state"] == "wrong"}
    suspected = {row["file"] for row in rows if row["suspected_label_error"]}
    recall = len(wrong & suspected) / len(wrong)
    precision = len(wrong & suspected) / len(suspected)
    say(f"held-out-artist accuracy {accuracy:.3f} of {len(held_out)} songs")
    say(f"planted wrong tags: recall {recall:.3f}, precision {precision:.3f} ({len(suspected)} suspected)")
    assert len(held_out) >= 120
    assert 0.6 <= accuracy <= 0.99
    assert recall >= 0.6
    assert precision >= 0.5


def test_the_report_of_the_training_says_the_same_of_held_out_artists(demo: RunningDemo) -> None:
    found = re.search(r"Held-out artists\D+([\d.]+)%", demo.output)
    assert found
    assert 60 <= float(found[1]) <= 99


def test_a_person_judges_thirty_songs_and_decisions_write_the_rest_and_destroy_no_more_than_they_say(
    demo: RunningDemo, say: Callable[[object], None]
) -> None:
    found = re.search(
        r"judged (\d+) songs, as a person would: (\d+) tags are right, (\d+) wrong", demo.output
    )
    assert found
    assert int(found[1]) == int(found[2]) + int(found[3]) == 30
    ((judgements, artists),) = demo.query(
        "SELECT count(*), count(DISTINCT artist) FROM verdicts_judgement JOIN library_track t ON t.id = track_id"
    )
    assert judgements == artists == 30
    known = truth(demo)
    right: dict[str, list[bool]] = {"right": [], "wrong": [], "missing": []}
    for row in demo.export():
        song = known[row["file"]]
        is_right = song["true_genre"] in {SPELLINGS.get(tag, tag) for tag in row["plex_genres"]}
        right[str(song["tag_state"])].append(is_right)
    say({state: f"{sum(each)} of {len(each)} are right in Plex" for state, each in right.items()})
    destroyed = len(right["right"]) - sum(right["right"])
    said = re.search(r"corrections?\s+destroys?\s+about\s+([\d.]+)", demo.output)
    stated = float(said[1]) if said else 0.0
    say(f"stated {stated} right tags destroyed, {destroyed} are")
    # The number is expected, not promised: one in 20 libraries may have this much more by chance.
    assert destroyed <= stated + 2 * max(stated, 0.25) ** 0.5
    assert sum(right["wrong"]) >= 12
    assert sum(right["missing"]) >= 12
    assert sum(map(sum, right.values())) / len(known) >= 0.94


def test_the_edits_that_plex_received_are_the_rows_of_the_ledger(demo: RunningDemo) -> None:
    rows = demo.query(
        "SELECT rating_key, before_genres, before_locked, after_genres, after_locked "
        "FROM ledger_writerow WHERE state = 'written'"
    )
    ledger = {key: ((tuple(before), was), (tuple(after), now)) for key, before, was, after, now in rows}
    edits: dict[str, tuple[object, object]] = {}
    for edit in demo.plex("edits")["edits"]:
        key = str(edit["rating_key"])
        before = (tuple(edit["before"]["genres"]), edit["before"]["locked"])
        after = (tuple(edit["after"]["genres"]), edit["after"]["locked"])
        edits[key] = (edits[key][0] if key in edits else before, after)
    assert edits == ledger
    assert len(ledger) == demo.status()["songs"]["written"]


def test_a_rollback_restores_every_genre_and_lock_and_a_push_writes_them_again(demo: RunningDemo) -> None:
    catalogue = json.loads((demo.folder.root / "demo" / "catalogue.json").read_text())
    (music,) = [library for library in catalogue["libraries"] if library["title"] == "Music"]
    original = {
        str(track["rating_key"]): (tuple(track["genres"]), track["genres_locked"])
        for track in music["tracks"]
    }
    pushed = demo.plex_genres()
    assert pushed != original

    done = demo.reclass("rollback", "latest")
    assert done.returncode == 0, done.stdout + done.stderr
    assert demo.plex_genres() == original
    assert demo.status()["songs"]["written"] == 0

    again = demo.reclass("push")
    assert again.returncode == 0, again.stdout + again.stderr
    assert demo.plex_genres() == pushed


def test_a_second_push_sends_nothing(demo: RunningDemo) -> None:
    edits = demo.plex("edits")["edits"]
    done = demo.reclass("push")
    assert done.returncode == 0, done.stdout + done.stderr
    assert demo.plex("edits")["edits"] == edits
