"""Progressive voting: a later stage is asked only when the earlier one does not decide and it is installed."""

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field

from runtime.errors import RemoteError, ServiceError

from inference.arrays import Array
from inference.classify.probabilities import top_genres
from inference.classify.song_vectors import ExtractionQuery, SongVectors, concatenated, refuse_other_lengths
from inference.classify.stages import FMA
from inference.classify.verdicts import (
    NO_FOLD,
    BrokenHead,
    Classification,
    InstalledHead,
    SkippedStage,
    StageVerdict,
)
from inference.classify.voting_rule import Outcome, Rule, outcome_of
from inference.errors import VectorMissingError

STAGE_FAILURES = (ServiceError, RemoteError)
"""What makes a later stage fail without taking the earlier verdict with it."""


@dataclass(kw_only=True)
class HeadQuery:
    """A vote needs a head's output."""

    head: InstalledHead
    vector: Array
    """[n] the head's input."""
    fold: int
    """Whose head is asked, for it has not learned from the song's artist; `NO_FOLD` for the one of all songs."""
    probabilities: Sequence[float] = field(init=False)
    """[genres] calibrated."""
    ranking: Sequence[int] = field(init=False)
    """Indices of the genres, the most probable first."""
    is_ood: bool = field(init=False)
    """Whether the song is out of the distribution of the head's training."""


FoldOf = Callable[[InstalledHead], int]
"""In which fold of a head's training the song's artist was; `NO_FOLD` for one in none."""


@dataclass(frozen=True)
class Ballot:
    """What a rule says of one stage."""

    threshold: float
    """The confidence from which it decides."""
    top_k: int
    """Genres in its verdict."""


Queries = Generator[ExtractionQuery | HeadQuery, None, Classification]
Asking = Generator[ExtractionQuery | HeadQuery, None, StageVerdict | SkippedStage]


class Vote:
    """The vote on one song, stopped at the query that it waits for, so that many can be answered in one batch."""

    def __init__(
        self,
        *,
        heads: Sequence[InstalledHead | BrokenHead],
        song: SongVectors,
        rule: Rule,
        fold_of: FoldOf | None = None,
    ) -> None:
        """fold_of : without it the song's artist is taken for one of whom nothing was learned."""
        self.song = song
        self.query: ExtractionQuery | HeadQuery | None = None
        """None when the vote has ended."""
        self._queries = queries(heads, song, rule, fold_of or (lambda head: NO_FOLD))
        self._result: Classification | None = None
        self._failure: ServiceError | RemoteError | None = None
        self.resume()

    def resume(self, failure: ServiceError | RemoteError | None = None) -> None:
        """The query has its answer, or none for this reason: on to the next one, or to the end."""
        try:
            self.query = self._queries.throw(failure) if failure else next(self._queries)
        except StopIteration as end:
            self.query, self._result = None, end.value
        except STAGE_FAILURES as error:
            self.query, self._failure = None, error

    def result(self) -> Classification:
        """What came of it; raises what no vote survives."""
        if self._result is None:
            raise self._failure or AssertionError("the vote has not ended")
        return self._result


def queries(
    heads: Sequence[InstalledHead | BrokenHead], song: SongVectors, rule: Rule, fold_of: FoldOf
) -> Queries:
    """What the vote on one song needs to know, and what it comes to.

    1. Without a head, have the FMA values computed for the caller to keep, and answer NO_MODEL.
    2. Ask the heads in order. Each gets the vectors that were sent if they are of the feature version that it was
       trained on; only what is then missing is computed.
    3. Stop at the first verdict that decides (see `voting`); else the last verdict stands.
    4. When the first stage fails, so does the call. When a later one fails, the verdict before it stands, and is
       provisional if another try may help; a stage that is not installed takes nothing from it.
    """
    if not heads:
        yield from compute_for_training(song)
        return with_outcome(Outcome.NO_MODEL, (), "", song)
    refuse_wrong_lengths(heads, song)
    verdicts: list[StageVerdict] = []
    thresholds = rule.in_force(len(heads))
    for head, threshold in zip(heads[: rule.max_stages], thresholds, strict=False):
        asking = ask_later if verdicts else ask
        result = yield from asking(head, song, Ballot(threshold, rule.top_k), fold_of)
        if isinstance(result, SkippedStage):
            return without_stage(result, verdicts, song)
        verdicts.append(result)
        if result.decided:
            break
    return voted(verdicts, song)


def refuse_wrong_lengths(heads: Sequence[InstalledHead | BrokenHead], song: SongVectors) -> None:
    """Whichever stage decides: a caller is told with the first song, and not only with one that is unsure."""
    for head in heads:
        if isinstance(head, InstalledHead):
            refuse_other_lengths(head, song.sent)


def compute_for_training(song: SongVectors) -> Generator[ExtractionQuery, None, None]:
    """Without a model the vectors are still worth having; those of the first stage cost no accelerator."""
    if all(vector.kind != FMA for vector in song.sent):
        yield from song.compute([FMA])


def with_outcome(
    outcome: Outcome, verdicts: Iterable[StageVerdict], reason: str, song: SongVectors
) -> Classification:
    return Classification(
        outcome=outcome, verdicts=tuple(verdicts), reason=reason, computed=tuple(song.computed)
    )


def voted(verdicts: Sequence[StageVerdict], song: SongVectors) -> Classification:
    """The result of a vote that no stage is missing from: the last verdict stands."""
    return with_outcome(outcome_of(verdicts[-1].is_ood), verdicts, "", song)


def without_stage(
    skipped: SkippedStage, verdicts: Sequence[StageVerdict], song: SongVectors
) -> Classification:
    """What a stage that could not run leaves of the vote."""
    if verdicts and skipped.retryable:
        return with_outcome(Outcome.PROVISIONAL, verdicts, skipped.reason, song)
    if verdicts:
        return voted(verdicts, song)
    if skipped.retryable:
        raise VectorMissingError(skipped.reason)
    return with_outcome(Outcome.NO_MODEL, (), skipped.reason, song)


def ask_later(head: InstalledHead | BrokenHead, song: SongVectors, ballot: Ballot, fold_of: FoldOf) -> Asking:
    """Ask a stage whose failure does not matter to the verdict that is there."""
    try:
        return (yield from ask(head, song, ballot, fold_of))
    except STAGE_FAILURES as error:
        return SkippedStage(reason=f"stage {head.stage.number}: {error}", retryable=True)


def ask(head: InstalledHead | BrokenHead, song: SongVectors, ballot: Ballot, fold_of: FoldOf) -> Asking:
    """The verdict of one stage."""
    if isinstance(head, BrokenHead):
        raise head.error
    vector = yield from concatenated(head, song)
    if isinstance(vector, SkippedStage):
        return vector
    query = HeadQuery(head=head, vector=vector, fold=fold_of(head))
    yield query
    return StageVerdict(
        stage=head.stage.number,
        model_version=head.version,
        top=top_genres(query.probabilities, query.ranking, head.genres, ballot.top_k),
        threshold=ballot.threshold,
        feature_versions=tuple(head.feature_versions.values()),
        is_ood=query.is_ood,
        probabilities=query.probabilities,
        out_of_fold=query.fold != NO_FOLD,
    )
