"""Which genre a tag stands for, and that the first aliases are not ambiguous."""

import runpy
from pathlib import Path

import pytest
import standalone
from portal.genres.aliases import ALIASES, CUSTOM, DESCRIPTIONS
from portal.genres.spelling import genre_of, genres_of, normalised

KNOWN = {
    normalised(spelling): number
    for number, (name, spellings) in enumerate(ALIASES.items())
    for spelling in (name, *spellings)
}
NAMES = tuple(ALIASES)


def found(*tags: str) -> str | None:
    number = genre_of(tags, KNOWN)
    return None if number is None else NAMES[number]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hip-Hop / Rap", "hip hop/rap"),
        ("R&B", "r and b"),
        ("Música Latina", "musica latina"),
        ("Pop_Rock", "POP/ROCK"),
        ("Lo‐Fi", "lofi"),
    ],
)
def test_two_spellings_are_the_same_whatever_their_case_accents_and_punctuation(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)


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
    assert genre_of(["Rock&Unknown"], KNOWN) is None


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
