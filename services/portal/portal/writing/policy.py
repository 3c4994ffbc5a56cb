"""Which songs are written to Plex, with what, and which kind of write that is: pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from portal.counting import listed
from portal.genres.spelling import all_unknown, genres_of
from portal.ledger.kinds import WriteKind
from portal.ledger.originals import same_genres
from portal.remote.plex import GenreState

RANDOM_WEIGHTS = (
    "Random weights decided its genre, which means nothing, so it is left alone: train with real weights, or plan with "
    "`--random-weights` to see what writing does."
)
UNLIKE_THE_TRAINING = (
    "It is unlike the songs of the training, so its genre is a guess and is not written: set it by hand."
)
TAGS_CHANGED = (
    "Its tags in Plex are others than at the last sync, and its genre was decided with those: sync again, then make "
    "another dry run."
)
UNDECIDED = (
    "It was classified, and not decided with its album, artist and tags: make another dry run; if that says the same, "
    "see the log of inference."
)
NONE_IS_RIGHT = "A person says that it is of none of these genres, so it is left alone."
NAMED, LONGEST_SHOWN = 5, 100
AI, PERSON, TAGS = "AI", "person", "tags"
"""Whose word a genre is."""


@dataclass(frozen=True, kw_only=True)
class TargetGenre:
    """The genre that a song is to have in Plex."""

    genre_id: int
    genre: str
    source: str
    """`AI` or `PERSON`."""
    confidence: float | None = None
    """Probability that it is right, by the lower end of what is known of tags; None for a person's word."""
    confidence_mean: float | None = None
    confidence_high: float | None = None
    tag_probability: float = 0.0
    """Probability that a genre of its own tags is right."""
    kind: WriteKind | None = None
    """What writing it is by the song's own tags; None where they name it."""
    random_weights: bool = False
    """A model for trials decided it: it means nothing."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """What is known of a song's genre when a plan is made."""

    override: tuple[int, str] | None = None
    """A person's genre, by id and name."""
    decided: TargetGenre | None = None
    """The AI's, from all that is known."""
    classified: bool = False
    """False for provisional verdicts and songs out of distribution, which are never written."""
    objection: str = ""
    """What speaks against writing the AI's word."""
    left_alone: bool = False
    """By a person's word, which names no genre that may be written: its tags are not translated either."""
    excluded: bool = False
    removed: bool = False


@dataclass(frozen=True, kw_only=True)
class WritingRules:
    """What a plan goes by."""

    genres_by_spelling: Mapping[str, int]
    names: Mapping[int, str]
    """The genres in use by id, as they are spelled in Plex."""
    kinds: Collection[WriteKind]
    """What is written at all."""


@dataclass(frozen=True, kw_only=True)
class PlannedEdit:
    """What is to stand in Plex, and what kind of write that is."""

    after: GenreState
    kind: WriteKind
    source: str
    """`AI`, `PERSON` or `TAGS`."""
    target: TargetGenre | None = None
    """None for a translation."""


def target_genre(said: Said, *, min_confidence: float) -> TargetGenre | None:
    """What to write, if anything: a person's word, else the AI's where it is sure enough."""
    if said.excluded or said.removed:
        return None
    if said.override is not None:
        genre_id, genre = said.override
        return TargetGenre(genre_id=genre_id, genre=genre, source=PERSON)
    if said.objection or said.decided is None or not said.classified:
        return None
    return said.decided if (said.decided.confidence or 0.0) >= min_confidence else None


def planned_edit(before: GenreState, target: TargetGenre | None, rules: WritingRules) -> PlannedEdit | None:
    """How the song's genres are to be; None where nothing is to be written.

    1. A target that one of its tags stands for already is there.
    2. A kind of write that is switched off is not made.
    3. Where no genre is written, tags that stand for genres may be translated.
    """
    named = genres_of(before.genres, rules.genres_by_spelling)
    if target is not None and target.genre_id not in named:
        kind = _kind(target, named)
        if kind in rules.kinds:
            after = GenreState(genres=(target.genre,), locked=True)
            return PlannedEdit(after=after, kind=kind, source=target.source, target=target)
    return _translation(before, rules) if WriteKind.TRANSLATION in rules.kinds else None


def rules_for(said: Said, rules: WritingRules) -> WritingRules:
    """Those for this song."""
    if not said.left_alone:
        return rules
    return replace(rules, kinds=frozenset(rules.kinds) - {WriteKind.TRANSLATION})


def tags_destroyed(edit: PlannedEdit) -> float:
    """Probability that the write puts a wrong genre in the place of a right tag. What we wrote ourselves is no tag."""
    is_correction = edit.target is not None and edit.target.kind is WriteKind.CORRECTION
    return edit.target.tag_probability if edit.target and is_correction else 0.0


def translated(tags: Sequence[str], rules: WritingRules) -> tuple[str, ...]:
    """These tags, each that stands for genres in their own spelling, and each once."""
    written: dict[str, None] = {}
    for tag in tags:
        named = genres_of((tag,), rules.genres_by_spelling)
        written |= dict.fromkeys(rules.names[genre] for genre in named) if named else {tag: None}
    return tuple(written)


def _kind(target: TargetGenre, named: Sequence[int]) -> WriteKind:
    """By the song's own tags; where these name the genre, and Plex does not, by what stands there: a genre of ours."""
    if target.source == PERSON:
        return WriteKind.PERSON
    return target.kind or (WriteKind.CORRECTION if named else WriteKind.FILL)


def _translation(before: GenreState, rules: WritingRules) -> PlannedEdit | None:
    tags = translated(before.genres, rules)
    if same_genres(tags, before.genres):  # Plex keeps no case
        return None
    after = GenreState(genres=tags, locked=True)
    return PlannedEdit(after=after, kind=WriteKind.TRANSLATION, source=TAGS)


def objection(
    tags: Sequence[str], genres_by_spelling: Mapping[str, int], unlearned: Mapping[int, str]
) -> str:
    """Why a song with these tags, as they were before we wrote, is left to people; empty where nothing speaks against.

    A tag that the model has not learned: every other genre would be wrong if it is right. The same holds for tags of
    which none is known, for a tag that we do not know is not an empty one. unlearned : names of such genres by id.
    """
    beyond = [unlearned[genre] for genre in genres_of(tags, genres_by_spelling) if genre in unlearned]
    if beyond:
        return (
            f"Its tag says {beyond[0]}, which the model has not learned, so it is left alone: set its genre by hand, "
            f"or find more songs of {beyond[0]} and train again."
        )
    unknown = all_unknown(tags, genres_by_spelling)
    if unknown:
        return (
            f"None of its tags is known ({_named(unknown)}), so it is left alone: say on the page Unknown tags what "
            "they stand for, or set its genre by hand."
        )
    return ""


def _named(tags: Sequence[str]) -> str:
    """The first of them, for a song may have a thousand of ten thousand letters."""
    return listed([tag if len(tag) <= LONGEST_SHOWN else f"{tag[:LONGEST_SHOWN]}…" for tag in tags], NAMED)
