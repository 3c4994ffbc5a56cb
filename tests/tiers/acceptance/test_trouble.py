"""Songs that cannot be analysed, and a Plex that refuses: said in the shell and in the admin, and the rest goes on."""

import html
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from audio_files import cut, music, silence, song, write_audio
from running_demo import RunningDemo

pytestmark = pytest.mark.timeout(300)
MUSIC = 2
FIRST_KEY = 900_001
# What the page of each song says; empty for those that are classified like any other.
SAYS = {
    "No media": "Plex has no file for this track: repair or remove it in Plex, then sync again.",
    "Words": "the file is a text, and no audio",
    "Half a FLAC": "copy or rip it again",
    "Half an MP3": "the file ends early, or its header says more than it holds; copy or rip it again",
    "Three seconds": "the song lasts 3.0 s; 5 s are needed at least",
    "Silence": "nothing that can be heard is in the song, only silence or noise below -70 dB",
    "Lost": "has no audio for rating key",
    "Lost, and a mapping would help": "=<music> would fit: put it into FEATURES_PATH_MAP (RECLASS_PATH_MAP",
    "Only in Plex": "",
    "[bold]Good[/nothing]": "",
}
GOOD = [title for title, says in SAYS.items() if not says]
FAILED = [title for title in SAYS if title.startswith("Lost")]


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What came of the odd songs."""

    sync: subprocess.CompletedProcess[str]
    extract: subprocess.CompletedProcess[str]
    classify: subprocess.CompletedProcess[str]
    rows: dict[str, dict[str, object]]
    """What `reclass export` says of them, by title."""
    says: dict[str, str]
    """What the page of each must say, by title."""


@pytest.fixture(scope="module")
def trouble(demo: RunningDemo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trouble]:
    """The demo with the odd songs in it, after a sync, an extract and a classify; without them at the end."""
    mounted = demo.folder.root / "demo" / "music"
    odd = mounted / "odd"
    odd.mkdir()
    files = make_files(odd, tmp_path_factory.mktemp("elsewhere"))
    demo.plex("tracks", "POST", {"library_key": MUSIC, "tracks": tracks(files)})
    done = [demo.reclass(command) for command in ("sync", "extract", "classify")]
    rows = {str(row["title"]): row for row in demo.export() if row["album"] == "Trouble"}
    yield Trouble(
        sync=done[0],
        extract=done[1],
        classify=done[2],
        rows=rows,
        says={title: says.replace("<music>", str(mounted)) for title, says in SAYS.items()},
    )
    for key in range(FIRST_KEY, FIRST_KEY + len(SAYS)):
        demo.plex(f"tracks/{key}", "DELETE")
    shutil.rmtree(odd)
    assert f"{len(SAYS)} removed" in demo.reclass("sync").stdout
    assert demo.status()["songs"]["synced"] == 160


def make_files(odd: Path, elsewhere: Path) -> dict[str, tuple[str, Path | None]]:
    """For each song the path as Plex names it, and where the bytes are, if anywhere."""
    words = odd / "words.mp3"
    words.write_text("no music, only words\n" * 400)
    good = song(odd, "flac", seconds=12.0, seed=7)
    halves = cut(good), cut(song(odd, "mp3", seconds=12.0))
    short = write_audio(odd / "short.mp3", music(3.0))
    silent = write_audio(odd / "silent.flac", silence(12.0))
    far = song(elsewhere, "mp3", seconds=12.0, seed=8)
    in_odd = [words, *halves, short, silent]
    return {
        "No media": ("", None),
        **{
            title: (f"/music/odd/{file.name}", file)
            for title, file in zip(list(SAYS)[1:6], in_odd, strict=True)
        },
        "Lost": ("/music/odd/lost.mp3", None),
        "Lost, and a mapping would help": (f"/volume1/media/odd/{good.name}", None),
        "Only in Plex": ("/far/away.mp3", far),
        "[bold]Good[/nothing]": (f"/music/odd/{good.name}", good),
    }


def tracks(files: dict[str, tuple[str, Path | None]]) -> list[dict[str, object]]:
    """The songs as the stand-in takes them."""
    usual = {"artist": "Trouble", "album_artist": "Trouble", "album": "Trouble"}
    return [
        {**usual, "rating_key": FIRST_KEY + i, "title": title, "file": named, "local_file": str(file or "")}
        for i, (title, (named, file)) in enumerate(files.items())
    ]


@pytest.fixture(scope="module")
def admin(demo: RunningDemo) -> Iterator[requests.Session]:
    """A browser's session of the administrator."""
    with requests.Session() as session:
        address = f"http://127.0.0.1:{demo.ports.web}/admin/login/"
        token = re.search(
            r'name="csrfmiddlewaretoken" value="([^"]+)"', session.get(address, timeout=20).text
        )
        assert token
        password = demo.folder.admin_password.read_text().strip()
        form = {"username": "admin", "password": password, "csrfmiddlewaretoken": token[1], "next": "/admin/"}
        answer = session.post(address, form, headers={"Referer": address}, timeout=20)
        assert answer.url.endswith("/admin/"), "nobody was signed in"
        yield session


def page(demo: RunningDemo, admin: requests.Session, path: str) -> str:
    answer = admin.get(f"http://127.0.0.1:{demo.ports.web}/admin/{path}", timeout=20)
    assert answer.status_code == 200
    return html.unescape(answer.text)


def test_the_sync_takes_all_songs_and_names_the_one_without_media(trouble: Trouble) -> None:
    assert trouble.sync.returncode == 0, trouble.sync.stdout + trouble.sync.stderr
    assert f"Music: {160 + len(SAYS)} songs" in trouble.sync.stdout
    assert "Plex has no file for “Trouble – No media”: repair or remove it there" in trouble.sync.stdout


def test_the_good_songs_are_extracted_and_of_each_other_it_is_said_why_not(trouble: Trouble) -> None:
    assert trouble.extract.returncode == 1, "songs that may come back have failed"
    assert "Traceback" not in trouble.extract.stdout + trouble.extract.stderr
    for title, says in trouble.says.items():
        lines = [line for line in trouble.extract.stdout.splitlines() if f"Trouble – {title}: " in line]
        if title in GOOD or title == "No media":
            assert lines == []
        else:
            (line,) = lines
            assert says in line
            assert line.strip().startswith("failed" if title in FAILED else "skipped")


def test_a_lost_file_is_not_waited_for(trouble: Trouble) -> None:
    seconds = re.search(r"failed in (\d+) s", trouble.extract.stdout)
    assert seconds, trouble.extract.stdout
    assert int(seconds[1]) < 50  # waits for what may come back take 52


def test_the_good_songs_are_classified_and_the_others_never(trouble: Trouble) -> None:
    assert trouble.classify.returncode == 1
    classified = {title for title, row in trouble.rows.items() if row["ai_genre"]}
    assert classified == set(GOOD)
    assert {row["analysis"] for title, row in trouble.rows.items() if title in FAILED} == {"failed"}
    assert f"{len(FAILED)} failed" in trouble.classify.stdout


@pytest.mark.parametrize("title", [title for title, says in SAYS.items() if says])
def test_the_page_of_a_song_and_the_export_say_why(
    title: str, trouble: Trouble, demo: RunningDemo, admin: requests.Session
) -> None:
    row, says = trouble.rows[title], trouble.says[title]
    assert says in str(row["analysis_message"])
    keys = dict(demo.query("SELECT rating_key, id FROM library_track"))
    assert says in page(demo, admin, f"library/track/{keys[row['rating_key']]}/change/")


def test_the_page_of_the_run_and_the_dashboard_lead_there(
    trouble: Trouble, demo: RunningDemo, admin: requests.Session
) -> None:
    runs = demo.status()["last_runs"]
    extract = next(run["run"] for run in runs if run["kind"] == "extract")
    shown = page(demo, admin, f"runs/run/{extract}/change/")
    assert all(trouble.says[title] in shown for title in SAYS if title not in (*GOOD, "No media"))
    assert f"{len(FAILED)} songs have failed." in page(demo, admin, "")


def test_a_second_run_passes_over_all_but_what_may_have_come_back(
    trouble: Trouble, demo: RunningDemo
) -> None:
    again = demo.reclass("extract")
    assert again.returncode == 1
    assert f"0 of {len(FAILED)} songs done, {len(FAILED)} failed" in again.stdout


def test_a_refused_token_is_said_by_sync_doctor_and_admin_and_nothing_else_suffers(
    demo: RunningDemo, admin: requests.Session
) -> None:
    before = demo.status()["songs"]
    demo.plex("faults", "POST", {"kind": "status", "status": 401, "times": -1})
    try:
        done, examined = demo.reclass("sync"), demo.reclass("doctor")
        dashboard = page(demo, admin, "")
    finally:
        demo.plex("faults", "DELETE")
    assert (done.returncode, examined.returncode) == (1, 1)
    for shown in (done.stdout, examined.stdout, dashboard):
        assert "refuses the token: set a new one in the portal" in shown
    assert "ok    features service" in examined.stdout
    assert demo.folder.secret("stand-in-token") not in done.stdout + examined.stdout + dashboard
    assert demo.status()["songs"] == before
    assert demo.reclass("doctor").returncode == 0
