"""Which genre a tag stands for, and that the first aliases are not ambiguous."""

import re
import runpy
from pathlib import Path

import pytest
import standalone
from portal.genres.aliases import ALIASES, CUSTOM, DESCRIPTIONS
from portal.genres.spelling import IGNORED, all_unknown, genres_of, lookup, normalised, unknown_tags

KNOWN = lookup(
    (normalised(spelling), number)
    for number, (name, spellings) in enumerate(ALIASES.items())
    for spelling in (name, *spellings)
)
NAMES = tuple(ALIASES)
SEPARATORS = (", ", ",", "/", " / ", ";", "; ", "|", "\x00", " & ", " and ", " + ", " - ", "\\", "，", "\n")


def found(*tags: str) -> str | None:
    numbers = genres_of(tags, KNOWN)
    return NAMES[numbers[0]] if numbers else None


def named(*tags: str) -> set[str]:
    return {NAMES[number] for number in genres_of(tags, KNOWN)}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hip-Hop / Rap", "hip hop/rap"),
        ("R&B", "r and b"),
        ("Música Latina", "musica latina"),
        ("Pop_Rock", "POP ROCK"),
        ("Folk, World, & Country", "Folk, World & Country"),
        ("Lo‐Fi", "lofi"),
    ],
)
def test_two_spellings_are_the_same_whatever_their_case_accents_and_punctuation(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ポップ", "ホップ"),
        ("ゴア", "コア"),
        ("दिल", "दुल"),
        ("दिल", "दल"),
        ("ริม", "รีม"),
    ],
)
def test_marks_that_make_another_letter_of_one_are_no_accents(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)
    assert genres_of((other,), lookup([(normalised(one), 1)])) == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ﾎﾟｯﾌﾟ", "ポップ"),
        ("ホ\u309aッフ\u309a", "ポップ"),
        ("❤\ufe0f Rock", "Rock"),
        ("شَعْبِي", "شعبي"),
        ("מִזְרָחִית", "מזרחית"),
        ("Μουσική", "Μουσικη"),
        ("нью-эйдж", "НЬЮ ЭЙДЖ"),
    ],
)
def test_the_same_letters_are_the_same_in_every_script(one: str, other: str) -> None:
    assert normalised(one) == normalised(other) != ""


@pytest.mark.parametrize(
    ("tag", "genre"),
    [
        ("Hip-Hop/Rap", "Rap"),
        ("Alternative Rock", "Pop_Rock"),
        ("Drum & Bass", "Electronic"),
        ("Rock; Pop", "Pop_Rock"),
        ("Salsa/Jazz", "Latin"),
        ("Trip-Hop|Rock", "Electronic"),
        ("アニメ", "Anime"),
    ],
)
def test_a_tag_stands_for_the_genre_of_the_whole_and_else_of_its_first_part(tag: str, genre: str) -> None:
    assert found(tag) == genre


@pytest.mark.parametrize(
    ("tags", "genres"),
    [
        (["Hip-Hop/Rap"], ["Rap"]),
        (["Jazz; Blues"], ["Jazz", "Blues"]),
        (["Jazz Blues"], ["Jazz"]),
        (["Hip-Hop/Rap; Jazz, Folk, World, & Country"], []),
        (["Hip-Hop/Rap; Folk, World, & Country"], ["Rap", "Folk"]),
        (["Salsa/Jazz"], ["Latin", "Jazz"]),
        (["Reggae\x00Blues"], ["Reggae", "Blues"]),
        (["Reggae & Blues"], ["Reggae", "Blues"]),
        (["Jazz", "Unheard Of", "Bebop", "Reggae"], ["Jazz", "Reggae"]),
        (["Rock; Pop"], ["Pop_Rock"]),
    ],
)
def test_every_genre_that_tags_name_is_found_and_no_known_tag_is_taken_apart(
    tags: list[str], genres: list[str]
) -> None:
    assert [NAMES[number] for number in genres_of(tags, KNOWN)] == genres


@pytest.mark.parametrize("tag", ["Something nobody knows, Bebop", "Blues & Something", "Rock/Disco; Jazz"])
def test_a_tag_of_which_a_part_is_unknown_names_no_genre(tag: str) -> None:
    assert genres_of([tag], KNOWN) == ()


def test_ampersand_without_spaces_joins_nothing() -> None:
    assert found("Rock&Unknown") is None


def test_two_spellings_in_one_tag_never_stand_for_a_third_genre() -> None:
    spellings = [(spelling, name) for name, group in ALIASES.items() for spelling in (name, *group)]
    written = {normalised(spelling) for spelling, _ in spellings}
    plain = {re.sub(r"[\W_]", "", normalised(spelling)): (spelling, name) for spelling, name in spellings}
    # Only of such pairs could the whole be taken for another spelling.
    glued = [
        (plain[one[:cut]], plain[one[cut:]])
        for one in plain
        for cut in range(1, len(one))
        if one[:cut] in plain and one[cut:] in plain
    ]
    assert len(glued) >= 83
    tags = {
        f"{first}{separator}{second}": {one, other}
        for (first, one), (second, other) in glued
        for separator in SEPARATORS
    }
    unwritten = {tag: genres for tag, genres in tags.items() if normalised(tag) not in written}
    assert {tag: named(tag) for tag, genres in unwritten.items() if not named(tag) <= genres} == {}
    joined = [tag for tag in unwritten if not re.search("[&/]", tag)]
    assert [tag for tag in joined if named(tag) != unwritten[tag]] == []


@pytest.mark.parametrize(
    "tag",
    ["Folk, Rock", "Rock, Folk", "Folk/Rock", "folk ; rock", "Folk\x00Rock", "Folk - Rock", "Folk，Rock"],
)
def test_folk_and_rock_in_one_tag_is_not_folk_rock(tag: str) -> None:
    assert named(tag) == {"Folk", "Pop_Rock"}
    assert named("Folk Rock") == named("Folk-Rock") == {"Pop_Rock"}


@pytest.mark.parametrize(
    ("tag", "genre"),
    [
        ("Hip-Hop/Rap", "Rap"),
        ("Hip Hop Rap", "Rap"),
        ("R&B", "RnB"),
        ("R & B", "RnB"),
        ("R&B Soul", "RnB"),
        ("Drum and Bass", "Electronic"),
        ("Rock'n'Roll", "Pop_Rock"),
        ("Trap (EDM)", "Electronic"),
    ],
)
def test_a_separator_that_an_alias_has_separates_nothing(tag: str, genre: str) -> None:
    assert named(tag) == {genre}


def test_tags_that_nobody_knows_are_told_from_none_and_from_ignored_ones() -> None:
    known = KNOWN | {normalised("Live"): IGNORED, "???": IGNORED}
    assert unknown_tags(["Classical", "Jazz", "Live", "", " ", "???", "Rock/Disco"], known) == (
        "Classical",
        "Rock/Disco",
    )
    assert genres_of(["Live", "Rock; Live"], known) == genres_of(["Rock"], known)
    assert all_unknown(["Classical", "Live"], known) == ("Classical",)
    assert (
        all_unknown(["Classical", "Jazz"], known)
        == all_unknown(["Live; Live"], known)
        == all_unknown([], known)
        == ()
    )


def test_the_first_known_tag_counts_and_unknown_ones_count_for_nothing() -> None:
    assert found("Unheard Of", "Reggae", "Rock") == "Reggae"
    assert found("Unheard Of", "") is None
    assert found() is None


def test_no_first_alias_stands_for_two_genres() -> None:
    owners: dict[str, set[str]] = {}
    for name, spellings in ALIASES.items():
        for spelling in (name, *spellings):
            owners.setdefault(normalised(spelling), set()).add(name)
    assert {spelling: names for spelling, names in owners.items() if len(names) > 1} == {}


def test_no_first_alias_is_written_twice_or_is_empty() -> None:
    spellings = [normalised(spelling) for group in ALIASES.values() for spelling in group]
    assert len(spellings) == len(set(spellings))
    assert all(spellings)
    assert len(spellings) > 500


def test_the_sixteen_genres_are_described_and_three_of_them_are_custom() -> None:
    assert len(ALIASES) == 16
    assert set(DESCRIPTIONS) == set(ALIASES)
    assert {"K-Pop", "Anime", "Lo-Fi"} == CUSTOM


def test_every_spelling_in_the_demo_library_stands_for_the_genre_that_it_means_there() -> None:
    # Run by itself: the package around it loads everything that makes music.
    table = Path(standalone.__file__).parent / "demo_library" / "spellings.py"
    meant = runpy.run_path(str(table))["SPELLINGS"]
    assert {spelling: found(spelling) for spelling in meant} == meant
