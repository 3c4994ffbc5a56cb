"""What the report of a model tells, in the words of its page and of `reclass evaluate`: pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from portal.library.embeddings import Words
from portal.remote.audio import kind_name
from portal.remote.reports import CascadeReport, ConfusionMatrix, StageReport, TrainingReport
from portal.remote.verdicts import kinds_of_head

ASKED_FOR = 0.95
NO_PROMISE = "too few of its songs are right, or too few are known for that to be sure"
MOST_MISTAKES = 12
# How to read each picture, by the end of its name.
PICTURES = {
    "confusion": (
        "Which genres are taken for which",
        "Rows are the genres that songs have, columns those that the model named. What stands beside the diagonal are "
        "its mistakes: two genres that are often taken for each other want more songs, or are one.",
    ),
    "reliability": (
        "Is the confidence true?",
        "Points on the dashed line mean what they say; those above it are right more often than they promise. With few "
        "songs they stray by chance.",
    ),
    "coverage": (
        "What a threshold gives",
        "How much is decided from a confidence on, which stands beside the points, and how much of that is right, by "
        "the labels. Where the curve crosses 95 %, nineteen of twenty are right.",
    ),
    "vote": (
        "What a later stage costs and brings",
        "How many predictions are right, by the share of songs that a later stage gets. The large mark is the "
        "proposal.",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """Songs of one genre that the model takes for another."""

    genre: str
    said: str
    songs: int
    of: int
    """Held-out songs of the genre."""


def kinds_of(stage: StageReport) -> tuple[str, ...]:
    """The vectors that a stage is asked with; a report from before this was kept has its head's name."""
    return tuple(map(kind_name, stage.kinds)) or kinds_of_head(stage.model_version)


def added_sentence(stage: StageReport, words: Words, seconds: Mapping[str, float]) -> str:
    """What a stage's embedding brought on held-out artists and what it costs; empty for the first stage.

    seconds : of each kind, what a song costs; one that is not known is left out.
    """
    kinds = kinds_of(stage)
    if not stage.HasField("added") or not kinds:
        return ""
    added, last = stage.added, kinds[-1]
    cost = f" It costs about {1000 * seconds[last]:.0f} ms a song." if seconds.get(last) else ""
    return (
        f"{words(kinds[-1:])} adds {100 * added.accuracy:+.1f} points to {words(kinds[:-1])} (95 %: "
        f"{100 * added.accuracy_low:+.1f} to {100 * added.accuracy_high:+.1f}), on {added.songs:,} songs of held-out "
        f"artists.{cost}"
    )


def skipped_embeddings(report: TrainingReport, words: Words) -> list[tuple[str, str]]:
    """Embeddings that no stage adds: what each is called, and why."""
    return [(words((kind_name(each.kind),)), each.reason) for each in report.skipped_embeddings]


def mistakes(confusion: ConfusionMatrix, most: int = MOST_MISTAKES) -> list[Mistake]:
    """The most frequent mistakes on held-out songs."""
    found = [
        Mistake(genre=genre, said=said, songs=songs, of=sum(counts))
        for genre, counts in matrix(confusion)
        for said, songs in zip(confusion.genres, counts, strict=True)
        if songs and said != genre
    ]
    return sorted(found, key=lambda each: -each.songs)[:most]


def matrix(confusion: ConfusionMatrix) -> Iterator[tuple[str, Sequence[int]]]:
    """Rows of the confusion matrix: the true genre, and how its songs were called."""
    size = len(confusion.genres)
    for row, genre in enumerate(confusion.genres):
        yield genre, confusion.counts[row * size : (row + 1) * size]


def decided_sentence(cascade: CascadeReport) -> str:
    """How often each stage decides."""
    stages = [f"stage {number} {share:.0%}" for number, share in enumerate(cascade.decided, start=1)]
    open_ = max(0.0, 1 - sum(cascade.decided))
    return f"{', '.join(stages)}; of {open_:.0%} no stage is sure, or they are unlike the training"


def promise_sentence(cascade: CascadeReport) -> str:
    """From which confidence on 95 % are right, and how much of the library that is, by the labels as they are."""
    if not cascade.HasField("promise"):
        return f"If all tags are right, {ASKED_FOR:.0%} can be promised from no threshold on: {NO_PROMISE}."
    point = cascade.promise
    return f"If all tags are right, {promised(point.threshold, point.coverage, point.accuracy_low)}."


def promised(threshold: float, coverage: float, accuracy_low: float) -> str:
    """The promise, without a full stop."""
    return (
        f"{ASKED_FOR:.0%} are right from a confidence of {100 * threshold:.0f} % on, which covers {coverage:.0%} of "
        f"the songs (by the 95 % interval, at least {accuracy_low:.0%} are right)"
    )


def proposal_sentence(cascade: CascadeReport) -> str:
    """The thresholds that a training proposes; empty where a single stage leaves nothing to choose."""
    proposed = cascade.proposed_thresholds
    chosen = next((each for each in cascade.curve if each.thresholds == proposed), None)
    if len(proposed) < 2 or chosen is None:
        return ""
    said = ", ".join(
        f"stage {number} from {100 * threshold:.0f} % on"
        for number, threshold in enumerate(proposed[:-1], start=1)
    )
    return (
        f"{said}: within a point of all stages for every song, and {chosen.escalation_rate:.0%} of the songs go on to "
        "a later stage."
    )


def noise_sentence(stage: StageReport) -> str:
    """What was done about labels that look wrong, and what that did; empty where nothing is known of it."""
    if not stage.HasField("noise"):
        return ""
    noise = stage.noise
    return (
        f"{noise.suspected_label_errors} look wrong; {noise.dropped} were left out of the last fit and "
        f"{noise.down_weighted} counted less. Of validation songs {noise.accuracy_with:.1%} are right by their labels "
        f"with that, and {noise.accuracy_without:.1%} without; wrong labels are among these. Confidences count "
        f"{noise.label_noise_rate:.0%} of the tags as wrong, and not as mistakes of the model. If those tags are "
        "right, and the songs only sound like another genre, confidences are "
        f"{100 * max(noise.overconfidence_if_right, 0):.0f} points too high on the mean: data cannot tell which it is, "
        "people who judge songs can."
    )


def picture_words(name: str) -> tuple[str, str]:
    """Title of a picture, and how to read it."""
    kind = name.rpartition(".")[0].rpartition("-")[2]
    return PICTURES.get(kind, (kind.replace("_", " ").capitalize(), ""))


def stage_of_picture(name: str) -> str:
    """The head that a picture is about, for example "genre_fma"; "vote" for all together."""
    return name.rpartition(".")[0].partition("-")[0]
