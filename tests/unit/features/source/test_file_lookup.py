"""Paths of other machines lead to files here, never out of the media folders, and a missing mapping is said."""

import os
import unicodedata
from pathlib import Path

import pytest
from features.errors import AudioNotFoundError, OutsideMediaFoldersError, PathNotMountedError
from features.source.file_lookup import MediaFolders, PathMapping, apply_mappings, suggest_mapping


def mapping(text: str) -> PathMapping:
    from_prefix, _, to_prefix = text.rpartition("=")
    return PathMapping(from_prefix=from_prefix, to_prefix=to_prefix)


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A media folder that holds Artist/Album/01 Song.mp3."""
    album = tmp_path / "media" / "Artist" / "Album"
    album.mkdir(parents=True)
    (album / "01 Song.mp3").write_bytes(b"sound")
    (tmp_path / "secret.mp3").write_bytes(b"secret")
    return tmp_path / "media"


SONG = "Artist/Album/01 Song.mp3"


@pytest.mark.parametrize(
    ("path", "mappings", "expected"),
    [
        ("/data/music/a/b.mp3", ["/data/music=/mnt/m"], "/mnt/m/a/b.mp3"),
        ("/data/music/a/b.mp3", ["/data/music/=/mnt/m/"], "/mnt/m/a/b.mp3"),
        ("/data/musical/b.mp3", ["/data/music=/mnt/m"], None),
        ("/data/music/a/b.mp3", ["/data=/x", "/data/music=/y", "/data/m=/z"], "/y/a/b.mp3"),
        ("/data/music/a/b.mp3", ["/data/music=/y", "/data=/x"], "/y/a/b.mp3"),
        ("/a/b.mp3", ["/=/mnt"], "/mnt/a/b.mp3"),
        ("/Data/Music/b.mp3", ["/data/music=/mnt"], None),
        ("D:\\Music\\a\\b.mp3", ["D:\\Music=/mnt/d"], "/mnt/d/a/b.mp3"),
        ("d:/music/a/b.mp3", ["D:\\Music=/mnt/d"], "/mnt/d/a/b.mp3"),
        ("D:\\Music\\b.mp3", ["D:=/mnt/d"], "/mnt/d/Music/b.mp3"),
        ("E:\\Music\\b.mp3", ["D:=/mnt/d"], None),
        ("\\\\nas\\music\\a\\b.mp3", ["\\\\nas\\music=/mnt/nas"], "/mnt/nas/a/b.mp3"),
        ("/data/a\\b.mp3", ["/data=/mnt"], "/mnt/a\\b.mp3"),
        ("/data/a.mp3", [], None),
    ],
)
def test_mappings_rewrite_whole_components_the_longest_first(path, mappings, expected):
    assert apply_mappings(path, [mapping(m) for m in mappings]) == expected


def test_a_path_inside_a_media_folder_is_read_as_it_is(library):
    assert MediaFolders(folders=(library,)).find(f"{library}/{SONG}") == library / SONG


def test_a_mapped_path_is_found(library):
    folders = MediaFolders(folders=(library,))
    assert folders.find(f"/data/music/{SONG}", [mapping(f"/data/music={library}")]) == library / SONG


def test_the_mappings_of_the_service_win_over_those_of_a_request(library, tmp_path):
    folders = MediaFolders(folders=(library,), mappings=(mapping(f"/data={library}"),))
    assert folders.find(f"/data/{SONG}", [mapping(f"/data={tmp_path}")]) == library / SONG


def test_a_media_folder_that_is_a_link_is_followed(library, tmp_path):
    (tmp_path / "link").symlink_to(library)
    folders = MediaFolders(folders=(tmp_path / "link",))
    assert folders.find(f"{tmp_path}/link/{SONG}") == library / SONG


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_are_found_in_either_unicode_form(library, form):
    other = "NFD" if form == "NFC" else "NFC"
    (library / unicodedata.normalize(form, "Björk.mp3")).write_bytes(b"sound")
    MediaFolders(folders=(library,)).find(f"{library}/{unicodedata.normalize(other, 'Björk.mp3')}")


COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "Björk") for form in ("NFC", "NFD"))


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A media folder whose own name is decomposed, and in it a folder in one form with a file in the other."""
    album = tmp_path / DECOMPOSED / DECOMPOSED / COMPOSED
    album.mkdir(parents=True)
    (album / f"{DECOMPOSED}.mp3").write_bytes(b"sound")
    (album / f"{COMPOSED}2.mp3").write_bytes(b"sound")
    return tmp_path / DECOMPOSED


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("tail", ["Björk/Björk/Björk/Björk.mp3", "Björk/Björk/Björk/Björk2.mp3"])
def test_every_part_of_a_path_is_found_in_the_form_that_it_has_on_the_disk(mixed, form, tail):
    typed = unicodedata.normalize(form, tail)
    folders = MediaFolders(folders=(Path(unicodedata.normalize(form, str(mixed))),))
    found = folders.find(f"{folders.folders[0].parent}/{typed}")
    assert unicodedata.normalize(form, str(found)) == f"{folders.folders[0].parent}/{typed}"
    inside = typed.partition("/")[2]
    assert folders.find(f"/data/{inside}", [mapping(f"/data={folders.folders[0]}")]) == found
    assert suggest_mapping(f"/data/{inside}", folders.folders) is not None


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_the_name_that_is_written_the_same_way_wins_over_one_that_reads_the_same(library, form):
    for each in ("NFC", "NFD"):
        (library / unicodedata.normalize(each, "Björk.mp3")).write_bytes(b"sound")
    name = unicodedata.normalize(form, "Björk.mp3")
    assert MediaFolders(folders=(library,)).find(f"{library}/{name}").name == name


@pytest.mark.parametrize("typed", [COMPOSED, DECOMPOSED])
@pytest.mark.parametrize("named", [COMPOSED, DECOMPOSED])
@pytest.mark.parametrize("prefix", ["/data/{}", "D:\\{}"])
def test_a_mapping_fits_whatever_form_it_was_typed_in(library, prefix, named, typed):
    path = f"{prefix.format(named)}/{SONG}"
    assert MediaFolders(folders=(library,)).find(path, [mapping(f"{prefix.format(typed)}={library}")]) == (
        library / SONG
    )


def test_of_two_mappings_that_read_the_same_the_one_written_the_same_way_wins():
    mappings = [mapping(f"/{COMPOSED}=/composed"), mapping(f"/{DECOMPOSED}=/decomposed")]
    assert apply_mappings(f"/{DECOMPOSED}/a.mp3", mappings) == "/decomposed/a.mp3"
    assert apply_mappings(f"/{COMPOSED}/a.mp3", mappings) == "/composed/a.mp3"


def answer(folders: MediaFolders, path: str, mappings: list[PathMapping]) -> tuple[str, str]:
    """The reason and the sentence, without the path that was asked for."""
    with pytest.raises((AudioNotFoundError, OutsideMediaFoldersError, PathNotMountedError)) as raised:
        folders.find(path, mappings)
    return raised.value.reason, str(raised.value).replace(path, "PATH")


@pytest.fixture
def outside(tmp_path: Path, library: Path) -> Path:
    """A folder beside the media folder, with a file, a folder, and links; one leads into it from the media folder."""
    private = tmp_path / "private"
    (private / "room").mkdir(parents=True)
    (private / "there.mp3").write_bytes(b"private")
    (private / DECOMPOSED).write_bytes(b"private")
    (private / "to a file").symlink_to(private / "there.mp3")
    (private / "to nothing").symlink_to(private / "nothing")
    (private / "to the media").symlink_to(library)
    (library / "out").symlink_to(private)
    return private


WAYS = {
    "its own path": ("{outside}/{name}", ""),
    "dots": ("{library}/../private/{name}", ""),
    "a link of the library": ("{library}/out/{name}", ""),
    "a song below": (f"{{outside}}/{{name}}/{SONG}", ""),
    "a song below a link of the library": (f"{{library}}/out/{{name}}/{SONG}", ""),
    "there and back": (f"{{outside}}/{{name}}/../../media/{SONG}x", ""),
    "a mapping": ("/data/{name}", "/data={outside}"),
    "a mapping with dots": ("/data/../private/{name}", "/data={library}"),
    "a mapping to it": (f"/data/{SONG}", "/data={outside}/{name}"),
    "a tail behind a link of the library": ("/nowhere/out/{name}", ""),
    "a relative path": ("private/{name}", ""),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "name", ["there.mp3", "room", COMPOSED, "to a file", "to nothing", "to the media", "there.mp3/below"]
)
def test_what_lies_outside_is_answered_alike_whether_it_exists_or_not(
    library, outside, monkeypatch, way, name
):
    monkeypatch.chdir(outside.parent)
    written, mapped = WAYS[way]

    def told(name: str) -> tuple[str, str]:
        values = {"outside": outside, "library": library, "name": name}
        given = [mapping(mapped.format(**values))] if mapped else []
        reason, sentence = answer(MediaFolders(folders=(library,)), written.format(**values), given)
        return reason, sentence.replace(name, "NAME")

    assert told(name) == told("n0ne.mp3/below" if "/" in name else "n0ne.mp3")


def test_a_mapping_of_the_service_may_lead_through_a_link_that_its_owner_made(library, outside):
    own = mapping(f"/data={outside}/to the media")
    assert MediaFolders(folders=(library,), mappings=(own,)).find(f"/data/{SONG}") == library / SONG


def test_links_of_the_library_into_another_media_folder_are_followed(library, outside):
    folders = MediaFolders(folders=(library, outside / "room"))
    (outside / "room" / "song.mp3").write_bytes(b"sound")
    (library / "more").symlink_to(outside / "room")
    assert folders.find(f"{library}/more/song.mp3") == outside / "room" / "song.mp3"


def test_a_name_that_reads_the_same_does_not_lead_out_of_the_media_folders(library, tmp_path):
    (library / DECOMPOSED).symlink_to(tmp_path)
    with pytest.raises(OutsideMediaFoldersError):
        MediaFolders(folders=(library,)).find(f"{library}/{COMPOSED}/secret.mp3")


@pytest.mark.parametrize("path", ["/x" * 40_000, "/é" * 40_000, "D:" + "\\x" * 40_000, "/" + "x" * 10**6])
def test_a_path_longer_than_any_files_is_looked_for_nowhere(library, path):
    with pytest.raises(
        AudioNotFoundError, match=r"the path has \d+ bytes: no file has one of more than 4096"
    ):
        MediaFolders(folders=(library,)).find(path)


def test_a_path_of_many_names_costs_no_more_than_one_of_a_song(library, monkeypatch):
    for number in range(20):
        (library / f"folder {number}").mkdir()
    looked, isfile = [], os.path.isfile
    monkeypatch.setattr(os.path, "isfile", lambda path: looked.append(path) or isfile(path))
    with pytest.raises(PathNotMountedError) as refused:
        MediaFolders(folders=(library,)).find("/x" * 2000)
    assert not refused.value.would_fit
    assert len(looked) < 400
    with pytest.raises(PathNotMountedError, match=f"=?{library} would fit"):
        MediaFolders(folders=(library,)).find("/x" * 100 + f"/{SONG}")


def test_dots_and_links_and_mappings_do_not_lead_out_of_the_media_folders(library, tmp_path):
    (library / "link.mp3").symlink_to(tmp_path / "secret.mp3")
    (library / "up").symlink_to(tmp_path)
    beside = tmp_path / "media-private"
    beside.mkdir()
    (beside / "song.mp3").write_bytes(b"private")
    folders = MediaFolders(folders=(library,))
    for path, mappings in [
        (f"{library}/link.mp3", []),
        (f"{library}/up/secret.mp3", []),
        ("/data/secret.mp3", [mapping(f"/data={tmp_path}")]),
        ("/data/../../../../../../etc/passwd", [mapping(f"/data={library}")]),
    ]:
        with pytest.raises(OutsideMediaFoldersError, match="outside the media folders"):
            folders.find(path, mappings)
    for path in (f"{library}/../secret.mp3", f"{beside}/song.mp3", "/etc/passwd"):
        with pytest.raises(PathNotMountedError) as refused:
            folders.find(path)
        assert not refused.value.would_fit


def test_without_media_folders_no_file_is_read(tmp_path):
    (tmp_path / "song.mp3").write_bytes(b"sound")
    for name in ("song.mp3", "none.mp3"):
        with pytest.raises(PathNotMountedError, match="no media folder is set"):
            MediaFolders(folders=()).find(str(tmp_path / name))


@pytest.mark.parametrize("name", ["none.mp3", "Artist", "", "x" * 300, "nul\0.mp3"])
def test_what_is_no_file_is_not_found(library, name):
    path = f"{library}/{name}" if name else ""
    with pytest.raises(AudioNotFoundError):
        MediaFolders(folders=(library,)).find(path)


def test_a_pipe_is_no_file(library):
    os.mkfifo(library / "pipe.mp3")
    with pytest.raises(AudioNotFoundError, match="not a file"):
        MediaFolders(folders=(library,)).find(f"{library}/pipe.mp3")


@pytest.mark.parametrize(
    ("prefix", "separator"), [("/data/music", "/"), ("D:\\Music", "\\"), ("\\\\nas\\share\\Music", "\\")]
)
def test_a_path_that_is_not_mounted_says_the_mapping_that_would_fit(library, prefix, separator):
    path = f"{prefix}{separator}{SONG.replace('/', separator)}"
    folders = MediaFolders(folders=(library,))
    with pytest.raises(PathNotMountedError) as raised:
        folders.find(path)
    said = f"{prefix}={library}"
    assert said in str(raised.value)
    assert folders.find(path, [mapping(said)]) == library / SONG


def test_the_mapping_may_lead_below_a_media_folder(library):
    assert suggest_mapping(f"/volume1/{SONG}", [library.parent.parent]) is not None
    suggestion = suggest_mapping(f"/volume1/{SONG}", [library.parent])
    assert str(suggestion) == f"/volume1={library}"


def test_the_longest_tail_decides_between_files_of_one_name(library):
    other = library / "Other"
    other.mkdir()
    (other / "01 Song.mp3").write_bytes(b"sound")
    assert str(suggest_mapping(f"/srv/{SONG}", [other, library])) == f"/srv={library}"


def test_a_path_that_fits_nowhere_says_what_to_do(library):
    with pytest.raises(PathNotMountedError, match="mount the library and set a path mapping"):
        MediaFolders(folders=(library,)).find("/volume1/music/Nobody/None.mp3")


@pytest.mark.parametrize("end", ["\0", "/a\0b", "/é\0", "/" + "x" * 5000, "/a" * 3000])
def test_a_mapping_that_makes_no_path_is_no_fault_of_the_service(library, end):
    folders = MediaFolders(folders=(library,))
    with pytest.raises(AudioNotFoundError, match="as its mapping rewrites it"):
        folders.find("/data/song.mp3", [PathMapping(from_prefix="/data", to_prefix=f"{library}{end}")])


def test_where_no_advice_is_asked_for_nothing_is_searched(library):
    folders = MediaFolders(folders=(library,))
    with pytest.raises(PathNotMountedError, match="would fit"):
        folders.find(f"/data/music/{SONG}")
    with pytest.raises(PathNotMountedError) as caught:
        folders.find(f"/data/music/{SONG}", with_advice=False)
    assert "would fit" not in str(caught.value)
