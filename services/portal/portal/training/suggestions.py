"""What a person can do to have more to learn from, the least work first, and which genres each way cannot give."""

from dataclasses import dataclass

from portal.public.fma_layout import (
    ARCHIVE,
    ARCHIVE_MIB,
    FEATURES,
    FOLDER,
    SOURCE,
    TRACKS,
)
from portal.public.songs import KIND, gives, songs_by_genre
from portal.training.readiness import TrainingReadiness


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """One way to more labels."""

    title: str
    sentences: tuple[str, ...]
    cannot_give: tuple[str, ...]
    """Genres for which it is no help."""
    page: str = ""
    """Address of the page that does it, below the admin; empty where none does."""
    button: str = ""
    run: str = ""
    """The run that the button starts, as pages call it; empty where the button leads to the page."""

    def __str__(self) -> str:
        missed = f" It cannot give: {', '.join(self.cannot_give)}." if self.cannot_give else ""
        return f"{self.title}: {' '.join(self.sentences)}{missed}"


def suggestions(found: TrainingReadiness) -> tuple[Suggestion, ...]:
    """Every way, in the order in which to try them."""
    return _tags(found), _taught_sets(found), _public_table(found)


def _tags(found: TrainingReadiness) -> Suggestion:
    by_tags = sum(each.labelled - each.by_people for each in found.genres)
    sentences = [f"{by_tags:,} labels come from tags in Plex, as they were before anything was written."]
    not_extracted = sum(each.labelled - each.extracted for each in found.genres if each.why_not)
    if not_extracted:
        sentences.append(
            f"{not_extracted} songs of genres that cannot be learned yet have not been analysed: `reclass train` has "
            "their vectors made first, `reclass extract` those of all songs."
        )
    if found.unknown_tags:
        tags = ", ".join(f"“{tag}” ({count})" for tag, count in found.unknown_tags)
        sentences.append(
            f"Tags that no alias knows: {tags}. Say in the admin, under Unknown tags, which genre they stand for, "
            "or that they are to be ignored: songs without a known tag are neither learned from nor written."
        )
    return Suggestion(
        title="The tags that are there",
        sentences=tuple(sentences),
        cannot_give=tuple(each.genre for each in found.genres if each.labelled == each.by_people),
        page="genres/alias/unmapped/",
        button="Unknown tags",
    )


def _taught_sets(found: TrainingReadiness) -> Suggestion:
    lacking = [each.genre for each in found.genres if each.why_not]
    sentences = ["It gives any genre, also one that you invent, of which there are songs in this library."]
    if lacking:
        sentences.append(f"Nothing is learned so far of {', '.join(lacking)}.")
    guessed = [
        f"{each.genre} {each.first_guesses:,}" for each in found.genres if each.why_not and each.first_guesses
    ]
    if guessed:
        sentences.append(
            f"First guesses show where to look: {', '.join(guessed)}. Many are wrong, so listen before you teach with "
            "a song."
        )
    sentences.append(
        "Name a folder, a Plex playlist or a Plex collection, or choose songs in the admin's list: 30 at least, 100 "
        "are better, of several artists."
    )
    return Suggestion(
        title="A taught set for each genre",
        sentences=tuple(sentences),
        cannot_give=(),
        page="teaching/taughtset/add/",
        button="Teach a genre",
    )


def _public_table(found: TrainingReadiness) -> Suggestion:
    given = songs_by_genre()
    if given:
        counted = ", ".join(f"{genre} {songs:,}" for genre, songs in sorted(given.items()))
        sentences = [
            f"It is imported: {counted}. `reclass train --public-table` learns from it, and from yours."
        ]
    else:
        sentences = [
            f"Download {ARCHIVE} ({ARCHIVE_MIB} MiB, from {SOURCE}) and unpack it: {TRACKS} and {FEATURES} in it are "
            f"what is read. `reclass import-fma {FOLDER}` imports them, then `reclass train --public-table` learns "
            "from them, and from songs of yours."
        ]
    sentences.append(
        "Its values are of whole songs. So yours are analysed as a whole too, once, which takes several times as long "
        f"as their excerpts: `reclass extract --stage {KIND}`, or `reclass train --public-table` has it done for "
        "labelled ones. A model that has learned from it classifies no song without that."
    )
    return Suggestion(
        title="The public FMA table",
        sentences=tuple(sentences),
        run="train-public" if given else "",
        button="Train with the public table" if given else "",
        cannot_give=tuple(each.genre for each in found.genres if each.genre not in (given or gives())),
    )
