"""Progressive voting: a later stage is asked only when the earlier one is unsure, and only when it is installed."""

from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from runtime.errors import RemoteError, ServiceError

from inference.classify.probabilities import ranked, softmax
from inference.classify.song_vectors import Hearing, Song, join
from inference.classify.stages import Array, VectorKind
from inference.classify.verdicts import (
    BrokenHead,
    Classification,
    InstalledHead,
    Opinions,
    Outcome,
    Rule,
    Shortfall,
    StageVerdict,
    outcome_of,
)
from inference.errors import VectorMissingError

STAGE_FAILURES = (ServiceError, RemoteError)
"""What makes a later stage fail without taking the earlier verdict with it."""

Judge = Callable[[InstalledHead, Array], Opinions]
"""What a head says of joined vectors [rows, n]."""


@dataclass(kw_only=True)
class Judging:
    """A question to a head."""

    head: InstalledHead
    joined: Array
    """[n]"""
    probabilities: Sequence[float] = field(init=False)
    """The answer [genres]."""
    ranking: Sequence[int] = field(init=False)
    """Places of the genres in it, the most probable first."""
    strange: bool = field(init=False)
    """Whether the song is unlike those that the head has learned from."""


Questions = Generator[Hearing | Judging, None, Classification]


class Vote:
    """One song on its way to a verdict, so that many can be asked together: the question that it waits for."""

    def __init__(self, *, heads: Sequence[InstalledHead | BrokenHead], song: Song, rule: Rule) -> None:
        self.song = song
        self.question: Hearing | Judging | None = None
        """None when the vote has ended."""
        self._questions = questions(heads, song, rule)
        self._result: Classification | None = None
        self._failure: ServiceError | RemoteError | None = None
        self.go_on()

    def go_on(self, failure: ServiceError | RemoteError | None = None) -> None:
        """The question has its answer, or none for this reason: on to the next one, or to the end."""
        try:
            self.question = self._questions.throw(failure) if failure else next(self._questions)
        except StopIteration as end:
            self.question, self._result = None, end.value
        except STAGE_FAILURES as error:
            self.question, self._failure = None, error

    def result(self) -> Classification:
        """What came of it; raises what no vote survives."""
        if self._result is None:
            raise self._failure or AssertionError("the vote has not ended")
        return self._result


def classify(
    *, heads: Sequence[InstalledHead | BrokenHead], song: Song, judge: Judge, rule: Rule
) -> Classification:
    """Decide on the genre of one song."""
    vote = Vote(heads=heads, song=song, rule=rule)
    finish(vote, judge)
    return vote.result()


def finish(vote: Vote, judge: Judge) -> None:
    """Answer every question of one vote, listening where it must be."""
    while vote.question is not None:
        if isinstance(vote.question, Judging):
            judge_together([vote], judge)
        else:
            listen(vote, vote.question)


def listen(vote: Vote, hearing: Hearing) -> None:
    """Answer a question to the audio, which takes long."""
    try:
        if vote.song.hear is not None:
            hearing.heard = vote.song.hear(hearing.kinds)
    except STAGE_FAILURES as error:
        vote.go_on(error)
    else:
        vote.go_on()


def judge_together(votes: Iterable[Vote], judge: Judge) -> None:
    """Answer votes that wait for a head: one call for each head, whose failure is that of its votes."""
    # By width too: a vector of a wrong length under the right version must spoil its own song only.
    groups: dict[tuple[str, int], list[tuple[Vote, Judging]]] = defaultdict(list)
    for vote in votes:
        if isinstance(vote.question, Judging):
            key = (vote.question.head.version, len(vote.question.joined))
            groups[key].append((vote, vote.question))
    for group in groups.values():
        judge_group(group, judge)


def judge_group(group: Sequence[tuple[Vote, Judging]], judge: Judge) -> None:
    """One call for votes that wait for the same head."""
    head = group[0][1].head
    try:
        opinions = judge(head, np.stack([judging.joined for _, judging in group]))
    except STAGE_FAILURES as error:
        for vote, _ in group:
            vote.go_on(error)
        return
    probabilities = softmax(opinions.logits, head.temperature)
    # Of all songs at once: numpy's calls, and taking single numbers from an array, would be a tenth of a stream's time.
    rankings = ranked(probabilities).tolist()
    for row, ((vote, judging), said) in enumerate(zip(group, probabilities.tolist(), strict=True)):
        judging.probabilities, judging.ranking = said, rankings[row]
        judging.strange = is_strange(head, opinions, row)
        vote.go_on()


def is_strange(head: InstalledHead, opinions: Opinions, row: int) -> bool:
    """Whether a song is farther from the songs of the training than nearly all held-out ones were."""
    if head.ood_threshold is None or opinions.distances is None:
        return False
    return bool(opinions.distances[row] > head.ood_threshold)


def questions(heads: Sequence[InstalledHead | BrokenHead], song: Song, rule: Rule) -> Questions:
    """What a vote on one song has to ask, and what comes of it.

    1. Without a head, hear FMA for the caller to keep and say NO_MODEL.
    2. Ask the heads in order. Each gets the vectors that were sent if they are of the make that it was trained on;
       only what is then missing is computed.
    3. Stop at the first verdict that reaches its threshold; else the last verdict stands.
    4. When the first stage fails, so does the call. When a later one fails, the verdict before it stands, and is
       provisional if another try may help; a stage that is not installed takes nothing from it.
    5. A stage does not decide on a song unlike those of its training; if it has the last word, the song is unsure.
    """
    if not heads:
        yield from listen_for_training(song)
        return concluded(Outcome.NO_MODEL, (), "", song)
    verdicts: list[StageVerdict] = []
    for head in heads[: rule.max_stages]:
        result = yield from ask_later(head, song, rule) if verdicts else ask(head, song, rule)
        if isinstance(result, Shortfall):
            return fallen_short(result, verdicts, song)
        verdicts.append(result)
        if result.decided:
            break
    return last_word(verdicts, song)


Asking = Generator[Hearing | Judging, None, StageVerdict | Shortfall]


def listen_for_training(song: Song) -> Generator[Hearing, None, None]:
    """Without a model the vectors are still worth having; those of the first stage cost no accelerator."""
    if all(vector.kind != VectorKind.FMA for vector in song.sent):
        yield from song.listen([VectorKind.FMA])


def concluded(outcome: Outcome, verdicts: Iterable[StageVerdict], reason: str, song: Song) -> Classification:
    return Classification(
        outcome=outcome, verdicts=tuple(verdicts), reason=reason, computed=tuple(song.computed)
    )


def last_word(verdicts: Sequence[StageVerdict], song: Song) -> Classification:
    """The outcome of a vote that no stage is missing from."""
    return concluded(outcome_of(verdicts), verdicts, "", song)


def fallen_short(shortfall: Shortfall, verdicts: Sequence[StageVerdict], song: Song) -> Classification:
    """What a stage that could not run leaves of the vote."""
    if verdicts and shortfall.worth_retry:
        return concluded(Outcome.PROVISIONAL, verdicts, shortfall.reason, song)
    if verdicts:
        return last_word(verdicts, song)
    if shortfall.worth_retry:
        raise VectorMissingError(shortfall.reason)
    return concluded(Outcome.NO_MODEL, (), shortfall.reason, song)


def ask_later(head: InstalledHead | BrokenHead, song: Song, rule: Rule) -> Asking:
    """Ask a stage whose failure does not matter to the verdict that is there."""
    try:
        return (yield from ask(head, song, rule))
    except STAGE_FAILURES as error:
        return Shortfall(reason=f"stage {head.stage.number}: {error}", worth_retry=True)


def ask(head: InstalledHead | BrokenHead, song: Song, rule: Rule) -> Asking:
    """The verdict of one stage."""
    if isinstance(head, BrokenHead):
        raise head.error
    joined = yield from join(head, song)
    if isinstance(joined, Shortfall):
        return joined
    judging = Judging(head=head, joined=joined)
    yield judging
    return StageVerdict(
        stage=head.stage.number,
        model_version=head.version,
        top=tuple((head.genres[i], judging.probabilities[i]) for i in judging.ranking[: rule.top_k]),
        threshold=rule.threshold(head.stage),
        feature_versions=tuple(head.feature_versions.values()),
        strange=judging.strange,
    )
