"""Which songs are never on two sides of a split, and what is left apart so that not all become one."""

import numpy as np
import pytest
from inference.decision.credits import Credit, lead_artist
from inference.training.song_groups import credit_numbers, group_songs
from inference.training.splits import held_out_songs


def credits(*songs: tuple[str, ...]) -> list[Credit]:
    """Of (artist, album artist, album), of which the last may be left out."""
    return [
        Credit(song_id=str(number), **dict(zip(("artist", "album_artist", "album"), song, strict=False)))
        for number, song in enumerate(songs)
    ]


def grouped(*songs: tuple[str, ...]) -> list[list[int]]:
    """Rows of each group, in the order of the first."""
    numbers = group_songs(credits(*songs)).numbers.tolist()
    return [[row for row, each in enumerate(numbers) if each == own] for own in dict.fromkeys(numbers)]


@pytest.mark.parametrize(
    "credit",
    [
        "Band feat. Guest",
        "Band ft Guest",
        "Band feat.Guest",
        "Band/feat. Guest",
        "Band - feat. Guest",
        "Band feat: Guest",
        "Band【feat. Guest】",
        "Band w/ Guest",
        "Band/Guest",
        "Band | Guest",
        "Band • Guest",
        "Band – Guest",
        "Band presents Guest",
        "\ufeffBand\u200b",
        "Band featuring Guest & Other",
        "Band (feat. Guest)",
        "Band [with Guest]",
        "Band & Guest",
        "Band + Guest",
        "Band, Guest",
        "Band; Guest",
        "Band x Guest",
        "Band vs. Guest",
        "Band / Guest",
        "BAND  und Guest",
        "Ｂａｎｄ、Guest",
    ],
)
def test_guests_leave_a_song_with_its_leading_artist(credit: str) -> None:
    assert lead_artist(credit, {"band"}) == "band"
    assert grouped(("Band",), (credit,), ("Guest",)) == [[0, 1], [2]]


@pytest.mark.parametrize(
    "name",
    [
        "AC/DC",
        "Featherweight",
        "Withered",
        "Cast",
        "Diverse",
        "Sampler",
        ", Foo",
        "Ex:Re",
        "!!!",
        "T.A.T.U.",
        "Sixx:A.M.",
        "Vas",
        "Ft",
    ],
)
def test_what_only_looks_like_a_guest_is_part_of_a_name(name: str) -> None:
    assert lead_artist(name) == name.casefold()


@pytest.mark.parametrize(
    "name",
    [
        "",
        "  ",
        "Unknown Artist",
        "Artiste inconnu",
        "Artista desconocido",
        "未知艺术家",
        "Artistes divers",
        "群星",
        "[unknown]",
        "<Unknown>",
        "Various Artists",
        "V.A.",
        "VA",
    ],
)
def test_nobody_is_no_artist(name: str) -> None:
    assert lead_artist(name) == ""
    assert grouped((name,), (name,)) == [[0], [1]]


@pytest.mark.parametrize(
    "name", ["Simon & Garfunkel", "Earth, Wind & Fire", "Davis, Miles", "Florence and the Machine"]
)
def test_names_that_are_joined_are_one_where_the_first_never_stands_alone(name: str) -> None:
    assert grouped((name,), ("Davis, Spencer",), (name,)) == [[0, 2], [1]]


def test_an_album_is_with_its_album_artist_whoever_sings() -> None:
    assert grouped(("Band",), ("Singer", "Band", "Live"), ("Singer",), ("Other", "Band", "Live")) == [
        [0, 1, 2, 3]
    ]


def test_an_album_of_many_is_one_group_and_albums_of_many_are_not() -> None:
    songs = [(f"Artist {number}", "Various Artists", f"Hits {number // 4}") for number in range(8)]
    assert grouped(*songs) == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_a_name_that_only_stands_above_albums_of_many_is_a_compilations() -> None:
    """A series or a label, which no list knows."""
    songs = [(f"Artist {number}", "Café Lounge", f"Volume {number // 6}") for number in range(12)]
    assert grouped(*songs) == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    assert grouped(*songs, ("Café Lounge",))[0] == list(range(13))


def test_copies_and_recordings_under_other_names_are_united() -> None:
    songs = credits(("One",), ("Two",), ("Three",), ("Four",))
    numbers = group_songs(songs, copies=[(0, 1)], same_recordings=[(2, 3)]).numbers
    assert numbers[0] == numbers[1] != numbers[2] == numbers[3]


def test_no_union_holds_more_than_a_twentieth_and_what_is_left_apart_is_counted() -> None:
    """Every artist is on a compilation with the next one, so all would be one."""
    songs = []
    for number in range(200):
        songs += [(f"Artist {number}", f"Artist {number}", "Own")] * 4
        songs += [
            (f"Artist {each % 200}", "Various Artists", f"Hits {number}") for each in (number, number + 1)
        ]
    found = group_songs(credits(*songs))
    sizes = np.unique(found.numbers, return_counts=True)[1]
    assert sizes.max() <= 0.05 * len(songs)
    assert 0 < found.cut_links < 40


def test_an_artist_with_more_than_a_twentieth_stays_whole() -> None:
    songs = [("Giant",)] * 100 + [(f"Artist {number}",) for number in range(100)]
    found = group_songs(credits(*songs))
    assert len(np.unique(found.numbers[:100])) == 1
    assert found.cut_links == 0


def test_the_strongest_reasons_are_heeded_first() -> None:
    """Where not all can be united, an album of one artist is, and a compilation is not."""
    own = [("Band", "Band", "Own")] * 15 + [("Singer", "Band", "Own")] * 3
    others = [(f"Artist {number}", "Various Artists", "Hits") for number in range(5)]
    found = group_songs(credits(*own, *others, ("Band", "Various Artists", "Hits")))
    assert len(np.unique(found.numbers[:18])) == 1
    assert found.numbers[0] not in found.numbers[18:23]
    assert found.cut_links == 1


def test_artists_and_groups_keep_their_numbers_whichever_songs_come_with_them() -> None:
    few, more = credits(("Band",), ("Other",)), credits(("Other",), ("New",), ("band feat. New",), ("Band",))
    assert group_songs(few).numbers[0] == group_songs(more).numbers[3]
    assert credit_numbers(few)[0] == credit_numbers(more)[2] == credit_numbers(more)[3]
    assert set(group_songs(few).numbers) < set(group_songs(more).numbers)


@pytest.mark.parametrize("songs_per_genre", [6, 10, 12, 40])
@pytest.mark.parametrize("by_genre", [True, False])
def test_a_library_on_compilations_has_songs_to_test_on_of_each_genre(
    songs_per_genre: int, by_genre: bool
) -> None:
    """Were a compilation united whatever its genres, a small library would have too few groups for a test part."""
    genres = np.repeat(np.arange(6), songs_per_genre)
    albums = [f"Hits {genre if by_genre else ''}" for genre in genres]
    songs = [(f"Artist {row}", "Various Artists", album) for row, album in enumerate(albums)]
    groups = group_songs(credits(*songs), genres.tolist()).numbers
    for genre in range(6):
        assert len(np.unique(groups[genres == genre])) >= 3
    assert held_out_songs(genres, groups, share=0.2, seed=1).any()


def test_what_is_left_apart_does_not_depend_on_the_order_of_the_songs() -> None:
    random = np.random.default_rng(4)
    songs = credits(
        *(
            (f"Artist {random.integers(60)}", "Various Artists", f"Hits {random.integers(30)}")
            for _ in range(400)
        )
    )
    numbers = group_songs(songs).numbers
    shuffled = random.permutation(400)
    assert (group_songs([songs[row] for row in shuffled]).numbers == numbers[shuffled]).all()
