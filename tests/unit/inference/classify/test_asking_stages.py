"""The voting rule, case by case."""

from collections.abc import Sequence
from dataclasses import replace

import grpc
import numpy as np
import pytest
from inference.arrays import Array, Ints
from inference.classify.song_vectors import SongVectors, other_version
from inference.classify.stages import FIRST_STAGE, Stage, Vector, VectorKind
from inference.classify.verdicts import (
    BrokenHead,
    ExtractionResult,
    HeadOutput,
    InstalledHead,
    MissingVector,
)
from inference.classify.voting_rule import Outcome, Rule
from inference.errors import (
    AudioRequiredError,
    ModelBrokenError,
    TritonUnavailableError,
    VectorInvalidError,
    VectorMissingError,
)
from runtime.errors import RemoteError
from voting_heads import (
    FMA,
    JMLA,
    MERT,
    NATIVE,
    UNSURE_THEN_SURE,
    VALUES,
    Outputs,
    classify,
    head,
    stages_of,
    vector,
    vote,
)


class Extractor:
    """Gives vectors of version 1, or what a test tells it to; remembers what was asked."""

    def __init__(self, missing: Sequence[MissingVector] = (), failure: Exception | None = None) -> None:
        self.asked: list[list[VectorKind]] = []
        self._missing = {gap.kind: gap for gap in missing}
        self._failure = failure

    def __call__(self, kinds: Sequence[VectorKind]) -> ExtractionResult:
        self.asked.append(list(kinds))
        if self._failure and MERT in kinds:
            raise self._failure
        return ExtractionResult(
            vectors=tuple(vector(kind) for kind in kinds if kind not in self._missing),
            missing=tuple(self._missing[kind] for kind in kinds if kind in self._missing),
        )


def test_a_sure_first_stage_decides_and_nothing_else_is_extracted() -> None:
    extractor = Extractor()
    result = vote([head(1), head(2), head(3)], extract=extractor, outputs=Outputs(stage1=("Jazz", 0.81)))
    assert result.outcome is Outcome.CLASSIFIED
    assert stages_of(result) == [1]
    assert result.verdicts[0].top[0] == ("Jazz", pytest.approx(0.81))
    assert result.verdicts[0].decided
    assert extractor.asked == [[FMA]]


def test_an_unsure_first_stage_asks_the_second_and_only_its_own_vector_is_extracted() -> None:
    extractor = Extractor()
    result = vote([head(1), head(2), head(3)], extract=extractor)
    assert result.outcome is Outcome.CLASSIFIED
    assert stages_of(result) == [1, 2]
    assert [verdict.decided for verdict in result.verdicts] == [False, True]
    assert extractor.asked == [[FMA], [MERT]]
    assert [made.kind for made in result.computed] == [FMA, MERT]


def test_the_third_stage_decides_whatever_its_confidence() -> None:
    outputs = Outputs(stage1=("Blues", 0.5), stage2=("Jazz", 0.5), stage3=("Rap", 0.4))
    result = vote([head(1), head(2), head(3)], extract=Extractor(), outputs=outputs)
    assert stages_of(result) == [1, 2, 3]
    assert result.verdicts[-1].decided
    assert outputs.inputs[3].shape == (1, 518 + 768 + 768)
    assert outputs.inputs[3][0, [0, 518, 518 + 768]].tolist() == [1.0, 2.0, 3.0]


def test_without_a_third_stage_the_second_verdict_stands_though_unsure() -> None:
    outputs = Outputs(stage1=("Blues", 0.5), stage2=("Jazz", 0.5))
    result = vote([head(1), head(2)], extract=Extractor(), outputs=outputs)
    assert result.outcome is Outcome.CLASSIFIED
    assert stages_of(result) == [1, 2]
    assert not result.verdicts[-1].decided


def test_thresholds_of_the_caller_replace_those_of_the_stages_from_the_first_on() -> None:
    heads = [head(1), head(2), head(3)]
    assert stages_of(vote(heads, extract=Extractor(), rule=Rule(thresholds=[0.55]))) == [1]
    assert stages_of(vote(heads, extract=Extractor(), rule=Rule(thresholds=[0.9, 0.76]))) == [1, 2, 3]


def test_a_confidence_equal_to_the_threshold_decides() -> None:
    outputs = Outputs(stage1=("Jazz", 0.5))
    result = vote([head(1), head(2)], extract=Extractor(), outputs=outputs, rule=Rule(thresholds=[0.4999999]))
    assert stages_of(result) == [1]


def test_no_more_stages_run_than_the_caller_allows() -> None:
    assert stages_of(vote([head(1), head(2)], extract=Extractor(), rule=Rule(max_stages=1))) == [1]


def test_a_verdict_names_no_more_genres_than_asked_for_best_first() -> None:
    result = vote([head(1)], extract=Extractor(), rule=Rule(top_k=2))
    assert [genre for genre, _ in result.verdicts[0].top] == ["Blues", "Jazz"]


def test_vectors_that_were_sent_are_not_computed_again() -> None:
    result = vote([head(1), head(2)], sent=[vector(FMA), vector(MERT)])
    assert stages_of(result) == [1, 2]
    assert result.computed == ()


def test_without_a_model_there_are_vectors_and_never_a_genre() -> None:
    result = vote([], extract=Extractor())
    assert result.outcome is Outcome.NO_MODEL
    assert result.verdicts == ()
    assert [made.kind for made in result.computed] == [FMA]


def test_without_a_model_a_vector_that_was_sent_is_enough() -> None:
    assert vote([], sent=[vector(FMA)]).outcome is Outcome.NO_MODEL


@pytest.mark.parametrize("heads", [[], [head(1)]])
def test_neither_audio_nor_vectors_is_refused(heads: list[InstalledHead]) -> None:
    with pytest.raises(AudioRequiredError, match="FMA vectors are needed"):
        vote(heads)


def test_a_vector_of_another_feature_version_is_never_used() -> None:
    with pytest.raises(VectorInvalidError, match="trained on FMA vectors of '1', and this one is of '0'"):
        vote([head(1)], sent=[vector(FMA, version="0")])


def test_a_vector_of_another_feature_version_is_computed_anew_when_there_is_audio() -> None:
    result = vote([head(1)], sent=[vector(FMA, version="0")], extract=Extractor())
    assert result.outcome is Outcome.CLASSIFIED
    assert [made.version for made in result.computed] == ["1"]


def test_the_right_one_of_two_feature_versions_is_taken() -> None:
    outputs = Outputs(**UNSURE_THEN_SURE)
    other = Vector(kind=FMA, version="0", values=np.zeros(518, dtype=np.float32))
    vote([head(1)], sent=[other, vector(FMA)], outputs=outputs)
    assert outputs.inputs[1][0, 0] == 1.0


def test_a_head_of_an_older_feature_version_gives_no_genre_but_says_why() -> None:
    result = vote([head(1, FMA="0")], extract=Extractor())
    assert result.outcome is Outcome.NO_MODEL
    assert result.verdicts == ()
    assert result.reason == other_version(head(1, FMA="0"), vector(FMA))
    assert [made.version for made in result.computed] == ["1"]


def test_a_later_stage_that_is_not_installed_takes_nothing_from_the_verdict() -> None:
    gap = MissingVector(kind=MERT, permanent=True, message="MERT is not installed")
    result = vote([head(1), head(2)], extract=Extractor(missing=[gap]))
    assert result.outcome is Outcome.CLASSIFIED
    assert stages_of(result) == [1]
    assert result.reason == ""


def test_a_later_stage_that_failed_for_now_makes_the_verdict_provisional() -> None:
    gap = MissingVector(kind=MERT, permanent=False, message="the GPU is out of memory")
    result = vote([head(1), head(2)], extract=Extractor(missing=[gap]))
    assert result.outcome is Outcome.PROVISIONAL
    assert stages_of(result) == [1]
    assert result.reason == "stage 2: the GPU is out of memory"


def test_features_gone_after_the_first_stage_make_the_verdict_provisional() -> None:
    gone = RemoteError(code=grpc.StatusCode.UNAVAILABLE, message="features does not answer")
    result = vote([head(1), head(2)], extract=Extractor(failure=gone))
    assert result.outcome is Outcome.PROVISIONAL
    assert "features does not answer" in result.reason


def test_a_later_head_that_is_damaged_makes_the_verdict_provisional() -> None:
    broken = BrokenHead(stage=Stage((FMA, MERT)), error=ModelBrokenError("genre_fma_mert/2 is damaged"))
    result = vote([head(1), broken], extract=Extractor())
    assert result.outcome is Outcome.PROVISIONAL
    assert "genre_fma_mert/2 is damaged" in result.reason


def test_a_later_stage_without_audio_makes_the_verdict_provisional() -> None:
    result = vote([head(1), head(2)], sent=[vector(FMA)])
    assert result.outcome is Outcome.PROVISIONAL
    assert "MERT" in result.reason


def test_a_later_head_of_another_feature_version_leaves_the_verdict_alone() -> None:
    result = vote([head(1), head(2, MERT="0")], extract=Extractor())
    assert result.outcome is Outcome.CLASSIFIED
    assert stages_of(result) == [1]


def test_a_first_head_that_is_damaged_fails_the_call() -> None:
    broken = BrokenHead(stage=FIRST_STAGE, error=ModelBrokenError("genre_fma/2 is damaged"))
    with pytest.raises(ModelBrokenError, match="genre_fma/2 is damaged"):
        vote([broken], extract=Extractor())


def test_triton_gone_at_the_first_stage_fails_the_call() -> None:
    def predict(head: InstalledHead, vectors: Array, folds: Ints) -> HeadOutput:
        raise TritonUnavailableError("Triton does not answer")

    with pytest.raises(TritonUnavailableError, match="does not answer"):
        classify(
            heads=[head(1)], song=SongVectors(sent=[vector(FMA)], extract=None), predict=predict, rule=Rule()
        )


def test_a_first_vector_that_could_not_be_computed_this_time_fails_the_call() -> None:
    gap = MissingVector(kind=FMA, permanent=False, message="the pool is being restarted")
    with pytest.raises(VectorMissingError, match="the pool is being restarted"):
        vote([head(1)], extract=Extractor(missing=[gap]))


def test_audio_errors_pass_unchanged() -> None:
    silent = RemoteError(
        code=grpc.StatusCode.INVALID_ARGUMENT, message="silence", reason="SILENT", permanent=True
    )

    def extract(kinds: Sequence[VectorKind]) -> ExtractionResult:
        raise silent

    with pytest.raises(RemoteError) as caught:
        vote([head(1)], extract=extract)
    assert caught.value is silent


def test_a_song_unlike_the_training_is_never_classified_whatever_the_probability_says() -> None:
    result = vote([head(1)], extract=Extractor(), outputs=Outputs((2.1,), stage1=("Jazz", 0.99)))
    assert result.outcome is Outcome.OUT_OF_DISTRIBUTION
    assert result.verdicts[0].top[0] == ("Jazz", pytest.approx(0.99))
    assert not result.verdicts[0].decided


def test_a_song_that_the_first_stage_does_not_know_is_decided_by_a_later_one_that_does() -> None:
    outputs = Outputs((5.0, 1.0), stage1=("Jazz", 0.99), stage2=("Rap", 0.9))
    result = vote([head(1), head(2)], extract=Extractor(), outputs=outputs)
    assert result.outcome is Outcome.CLASSIFIED
    assert [verdict.decided for verdict in result.verdicts] == [False, True]


def test_a_song_that_the_last_stage_does_not_know_is_not_classified_although_the_first_knew_it() -> None:
    outputs = Outputs((1.0, 5.0), stage1=("Jazz", 0.6), stage2=("Rap", 0.9))
    result = vote([head(1), head(2)], extract=Extractor(), outputs=outputs)
    assert result.outcome is Outcome.OUT_OF_DISTRIBUTION
    assert stages_of(result) == [1, 2]


def test_a_song_unlike_the_training_whose_later_stage_failed_for_now_is_provisional() -> None:
    """It is worth another try: the later stage may know it."""
    gap = MissingVector(kind=MERT, permanent=False, message="the GPU is out of memory")
    outputs = Outputs((5.0, 1.0), stage1=("Jazz", 0.99))
    result = vote([head(1), head(2)], extract=Extractor(missing=[gap]), outputs=outputs)
    assert result.outcome is Outcome.PROVISIONAL


def test_a_song_unlike_the_training_without_a_later_stage_is_not_classified() -> None:
    gap = MissingVector(kind=MERT, permanent=True, message="MERT is not installed")
    outputs = Outputs((5.0, 1.0), stage1=("Jazz", 0.99))
    assert (
        vote([head(1), head(2)], extract=Extractor(missing=[gap]), outputs=outputs).outcome
        is Outcome.OUT_OF_DISTRIBUTION
    )


def with_lengths(number: int, **lengths: int) -> InstalledHead:
    return replace(head(number), lengths=lengths)


@pytest.mark.parametrize("number", [1, 2])
def test_a_vector_of_another_length_than_a_head_has_learned_from_is_refused_whichever_stage_decides(
    number: int,
) -> None:
    """The song is one that the first stage decides: a caller must not be told with an unsure one only."""
    heads = [with_lengths(1, FMA=518), with_lengths(2, FMA=518, MERT=1024)]
    wrong = r"the MERT vector has 768 values, and genre_fma_mert/1 has learned from ones of 1024"
    sure = Outputs(stage1=("Blues", 0.95), stage2=("Jazz", 0.9))
    sent = [vector(FMA), vector(MERT)][:number]
    if number == 1:
        assert stages_of(vote(heads, sent=sent, outputs=sure)) == [1]
    else:
        with pytest.raises(VectorInvalidError, match=wrong):
            vote(heads, sent=sent, outputs=sure)


def test_a_vector_of_another_version_may_have_another_length() -> None:
    heads = [with_lengths(1, FMA=518), with_lengths(2, FMA=518, MERT=1024)]
    result = vote(
        heads, sent=[vector(FMA), vector(MERT, "2")], extract=Extractor(), outputs=Outputs(**UNSURE_THEN_SURE)
    )
    # What features computed in its place is too short: the verdict before stands, and the reason is said.
    assert result.outcome is Outcome.PROVISIONAL
    assert "has 768 values" in result.reason


def test_an_embedding_that_was_removed_costs_nothing_of_the_stages_before_it() -> None:
    """Of three stages the middle one's embedding is gone, and with it the third's, which is joined to it."""
    gone = MissingVector(kind=MERT, permanent=True, message="it is not installed")
    three = [head(1), head(2), head(3)]
    result = vote(three, sent=[vector(FMA), vector(JMLA)], extract=Extractor(missing=[gone]))
    assert (result.outcome, stages_of(result)) == (Outcome.CLASSIFIED, [1])
    extractor = Extractor(missing=[gone])
    result = vote(
        three,
        sent=[vector(FMA), vector(MERT)],
        extract=extractor,
        outputs=Outputs(stage1=("Blues", 0.6), stage2=("Jazz", 0.6), stage3=("Rap", 0.9)),
    )
    assert stages_of(result) == [1, 2, 3], "the vector that was kept is used all the same"
    assert extractor.asked == [[JMLA]]


def test_a_vector_that_no_head_wants_is_ignored() -> None:
    unknown = Vector(kind="KIND1000", version="1", values=np.ones(7, dtype=np.float32))
    assert stages_of(vote([head(1)], sent=[vector(FMA), unknown])) == [1]


def test_the_last_of_three_stages_decides_at_any_confidence_and_the_second_of_two_does_not() -> None:
    unsure = Outputs(stage1=("Blues", 0.5), stage2=("Jazz", 0.5), stage3=("Rap", 0.5))
    for count, decided in ((2, [False, False]), (3, [False, False, True])):
        heads = [head(number + 1) for number in range(count)]
        result = vote(heads, extract=Extractor(), outputs=unsure)
        assert [verdict.decided for verdict in result.verdicts] == decided


def of_whole_songs(number: int) -> InstalledHead:
    """A head that has learned from a public table too."""
    usual = head(number)
    kinds = [NATIVE, *usual.kinds[1:]]
    return replace(usual, feature_versions=dict.fromkeys(kinds, "1"))


def test_a_head_takes_the_kinds_that_it_has_learned_from_and_not_those_that_are_usual_for_its_stage() -> None:
    extractor = Extractor()
    outputs = Outputs(**UNSURE_THEN_SURE)
    result = vote(
        [of_whole_songs(1), of_whole_songs(2)], sent=[vector(FMA)], extract=extractor, outputs=outputs
    )
    assert extractor.asked == [[NATIVE], [MERT]]
    assert stages_of(result) == [1, 2]
    assert outputs.inputs[1][0, 0] == VALUES[NATIVE]
    assert outputs.inputs[2][0, [0, 518]].tolist() == [VALUES[NATIVE], VALUES[MERT]]


def test_values_of_an_excerpt_are_never_taken_for_those_of_a_whole_song() -> None:
    with pytest.raises(AudioRequiredError, match="FMA_NATIVE"):
        vote([of_whole_songs(1)], sent=[vector(FMA)])
