"""Models are listed, looked at, put into service and taken back: real gRPC, real Triton."""

import grpc
import numpy as np
import pytest
from inference_system import System, fma, training
from reclass.features.v1 import features_pb2
from reclass.inference.v1 import inference_pb2 as messages
from runtime.errors import RemoteError, ServiceError
from synthetic_library import SyntheticLibrary, synthetic_library


class ExcerptUnknownError(ServiceError):
    domain = "reclass.features"
    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "INVALID_REQUEST"


def train(system: System, library: SyntheticLibrary, promotion: int, **options: int) -> messages.Model:
    """The model of one more training."""
    wanted = messages.TrainOptions(promotion=promotion, **options)  # type: ignore[arg-type] # any number of the enum
    return system.train(training(library, wanted))[-1].report.model


def refusal(call: object, *arguments: object) -> RemoteError:
    """What a call is refused with."""
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments)  # type: ignore[operator] # a method of the stub
    return RemoteError.from_rpc(caught.value)


def states(system: System) -> dict[str, str]:
    """The state of each model by its name, the newest first."""
    listed = system.stub.ListModels(messages.ListModelsRequest()).models
    return {each.name: messages.ModelState.Name(each.state).removeprefix("MODEL_STATE_") for each in listed}


@pytest.fixture(scope="module")
def two(trained: System, library: SyntheticLibrary) -> tuple[System, messages.Model, messages.Model]:
    """A service with a model in service, the newest that there is, and a candidate of another seed."""
    first = trained.stub.ListModels(messages.ListModelsRequest(page_size=1)).models[0]
    if first.state != messages.MODEL_STATE_IN_SERVICE:
        first = train(trained, library, messages.PROMOTION_ALWAYS, seed=1)
    return trained, first, train(trained, library, messages.PROMOTION_NEVER, seed=2)


def test_the_first_model_is_in_service_and_one_that_is_not_wanted_stays_a_candidate(
    two: tuple[System, messages.Model, messages.Model], library: SyntheticLibrary
) -> None:
    system, first, second = two
    assert (first.state, second.state) == (messages.MODEL_STATE_IN_SERVICE, messages.MODEL_STATE_CANDIDATE)
    assert list(states(system).items())[:2] == [(second.name, "CANDIDATE"), (first.name, "IN_SERVICE")]
    assert system.classify(fma(library, 0)).model_version == first.heads[0]
    assert list(second.genres) == list(library.genres)
    assert (second.song_count, list(second.feature_versions)) == (60, ["test/1"])
    assert second.comparison.other_model == first.name
    assert second.comparison.verdict


def test_a_model_is_put_into_service_taken_back_and_put_there_again(
    two: tuple[System, messages.Model, messages.Model], library: SyntheticLibrary
) -> None:
    system, first, second = two
    for _ in range(2):
        promoted = system.stub.PromoteModel(messages.PromoteModelRequest(name=second.name)).model
        assert (promoted.name, promoted.state) == (second.name, messages.MODEL_STATE_IN_SERVICE)
        assert promoted.promote_time.seconds > 0
    assert system.classify(fma(library, 0)).model_version == second.heads[0]
    assert states(system)[first.name] == "RETIRED"
    assert system.stub.ListModels(messages.ListModelsRequest()).rollback_model == first.name
    for _ in range(2):  # a repetition that names the model to roll back from changes nothing
        back = system.stub.RollbackModel(messages.RollbackModelRequest(in_service=second.name)).model
        assert back.name == first.name
    assert system.classify(fma(library, 0)).model_version == first.heads[0]
    assert states(system)[second.name] == "RETIRED"


def test_a_model_is_shown_with_its_report(two: tuple[System, messages.Model, messages.Model]) -> None:
    system, first, second = two
    shown = system.stub.GetModel(messages.GetModelRequest(name=second.name))
    assert shown.model == shown.report.model
    assert shown.model.name == second.name
    assert [stage.model_version for stage in shown.report.stages] == list(second.heads)
    assert shown.report.stages[0].held_out_songs > 0
    cascade, counted = shown.report.cascade, shown.model.held_out
    assert (counted.songs, counted.accuracy) == (cascade.songs, cascade.accuracy)
    assert (counted.accuracy_low, counted.accuracy_high) == (cascade.accuracy_low, cascade.accuracy_high)
    assert system.stub.GetModel(messages.GetModelRequest()).model.name == first.name


def test_out_of_fold_predictions_of_a_candidate_can_be_had_later(
    two: tuple[System, messages.Model, messages.Model], library: SyntheticLibrary
) -> None:
    system, _, second = two
    said = list(
        system.stub.GetOutOfFoldPredictions(messages.GetOutOfFoldPredictionsRequest(name=second.name))
    )
    assert [each.song_id for each in said] == [f"song {song}" for song in range(len(library.labels))]
    assert {verdict.model_version for each in said for verdict in each.verdicts} == set(second.heads)
    assert any(each.suspected_label_error for each in said)


def test_out_of_fold_predictions_are_voted_on_by_the_thresholds_that_are_asked_for(
    two: tuple[System, messages.Model, messages.Model],
) -> None:
    system, first, _ = two

    def asked(threshold: float) -> list[messages.OutOfFoldPrediction]:
        request = messages.GetOutOfFoldPredictionsRequest(name=first.name, stage_thresholds=[threshold])
        return list(system.stub.GetOutOfFoldPredictions(request))

    low, high = asked(0.0), asked(1.0)
    assert {each.verdicts[0].threshold for each in high} == {1.0}
    assert sum(each.verdicts[0].decided for each in low) > sum(each.verdicts[0].decided for each in high)
    for each in low:
        assert each.deciding_stage == 1
        # At a threshold of 0 only a song unlike the training is undecided, and that is no classification.
        unlike = not each.verdicts[0].decided
        assert each.outcome == (
            messages.OUTCOME_OUT_OF_DISTRIBUTION if unlike else messages.OUTCOME_CLASSIFIED
        )
    request = messages.TrainRequest(options=messages.TrainOptions(stage_thresholds=[2.0]))
    error = refusal(lambda: list(system.stub.Train(iter([request]))))
    assert "must lie between 0 and 1" in str(error)


def test_pictures_that_lie_with_a_model_come_with_it(
    two: tuple[System, messages.Model, messages.Model],
) -> None:
    system, _, second = two
    (system.triton.repository / f"{second.name}.cascade.png").write_bytes(b"whole")
    stage = (system.triton.repository / second.heads[0] / "confusion.png").read_bytes()
    pictures = system.stub.GetModel(messages.GetModelRequest(name=second.name)).pictures
    found = {picture.name: (picture.media_type, picture.content) for picture in pictures}
    assert found["cascade.png"] == ("image/png", b"whole")
    assert found["genre_fma-confusion.png"] == ("image/png", stage)


def test_a_model_of_another_feature_version_is_refused_with_what_to_run(
    two: tuple[System, messages.Model, messages.Model],
) -> None:
    system, first, second = two
    system.features.versions[features_pb2.VECTOR_KIND_FMA] = "test/2"
    error = refusal(system.stub.PromoteModel, messages.PromoteModelRequest(name=second.name))
    system.features.versions[features_pb2.VECTOR_KIND_FMA] = "test/1"
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "MODEL_OUTDATED")
    assert (
        "feature version test/1, and features computes test/2 now: run `reclass extract`, then `reclass train`"
        in (error.message)
    )
    kept = refusal(
        system.stub.PromoteModel,
        messages.PromoteModelRequest(name=second.name, vector_versions=["test/2"]),
    )
    assert kept.reason == "MODEL_OUTDATED"
    assert "feature version test/1, of which hardly any are stored: run `reclass train`" in kept.message
    assert states(system)[first.name] == "IN_SERVICE"


def test_a_switch_whose_question_to_features_makes_no_sense_is_refused(
    two: tuple[System, messages.Model, messages.Model],
) -> None:
    """Its answer tells whether the model fits the songs; without one any model would do."""
    system, first, second = two
    system.features.capabilities_refusal = ExcerptUnknownError("this service does not know the excerpt 99")
    promoted = refusal(system.stub.PromoteModel, messages.PromoteModelRequest(name=second.name, excerpt=99))
    back = refusal(system.stub.RollbackModel, messages.RollbackModelRequest(excerpt=99))
    system.features.capabilities_refusal = None
    for error in (promoted, back):
        assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
        assert "excerpt 99" in error.message
    assert states(system)[first.name] == "IN_SERVICE"


def test_a_model_that_is_not_there_and_a_list_from_nowhere_are_refused(
    two: tuple[System, messages.Model, messages.Model],
) -> None:
    system, _, _ = two
    for call, request in (
        (system.stub.PromoteModel, messages.PromoteModelRequest(name="model-999")),
        (system.stub.GetModel, messages.GetModelRequest(name="model-999")),
        (system.stub.GetModel, messages.GetModelRequest(name="model-" + "9" * 300)),
    ):
        error = refusal(call, request)
        assert (error.code, error.reason) == (grpc.StatusCode.NOT_FOUND, "MODEL_UNKNOWN")
        assert "kept are: model-" in error.message
    assert refusal(system.stub.PromoteModel, messages.PromoteModelRequest()).reason == "INVALID_REQUEST"
    lost = refusal(system.stub.ListModels, messages.ListModelsRequest(page_token="model-999"))
    assert lost.reason == "INVALID_REQUEST"


def test_the_list_comes_in_pages(two: tuple[System, messages.Model, messages.Model]) -> None:
    system, _, _ = two
    names, token = [], ""
    while True:
        page = system.stub.ListModels(messages.ListModelsRequest(page_size=1, page_token=token))
        names += [model.name for model in page.models]
        token = page.next_page_token
        if not token:
            break
    assert names == list(states(system))


def test_a_damaged_model_is_not_put_into_service(
    two: tuple[System, messages.Model, messages.Model], library: SyntheticLibrary
) -> None:
    system, first, _ = two
    broken = train(system, library, messages.PROMOTION_NEVER, seed=3)
    weights = system.triton.repository / broken.heads[0] / "head.npz"
    weights.write_bytes(weights.read_bytes()[:-100])
    error = refusal(system.stub.PromoteModel, messages.PromoteModelRequest(name=broken.name))
    assert error.reason == "MODEL_BROKEN"
    assert f"{broken.heads[0]} is damaged: head.npz" in error.message
    assert states(system)[first.name] == "IN_SERVICE"
    assert system.classify(fma(library, 0)).model_version == first.heads[0]


def test_a_promotion_while_a_training_runs_is_refused(
    two: tuple[System, messages.Model, messages.Model], library: SyntheticLibrary
) -> None:
    system, _, second = two
    running = system.stub.Train(training(library), timeout=120)
    next(running)
    error = refusal(system.stub.PromoteModel, messages.PromoteModelRequest(name=second.name))
    running.cancel()
    assert (error.code, error.reason) == (grpc.StatusCode.ABORTED, "TRAINING_RUNNING")


def test_without_an_earlier_model_there_is_nothing_to_roll_back_to(
    system: System, library: SyntheticLibrary
) -> None:
    only = train(system, library, messages.PROMOTION_IF_BETTER)
    assert only.state == messages.MODEL_STATE_IN_SERVICE
    assert not only.HasField("comparison")
    error = refusal(system.stub.RollbackModel, messages.RollbackModelRequest())
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NO_EARLIER_MODEL")
    assert system.version() == only.heads[0]
    assert system.stub.ListModels(messages.ListModelsRequest()).rollback_model == ""


@pytest.mark.thorough
def test_a_model_is_put_into_service_by_itself_only_when_it_is_better_on_songs_that_neither_learned_from(
    system: System,
) -> None:
    """Vectors of other songs make a poor model, the right ones a good one; the poor one again is no better."""
    good, poor = (
        synthetic_library(seed=33, genres=4, artists_per_genre=15, songs_per_artist=3, wrong=0)
        for _ in range(2)
    )
    poor.vectors[:] = np.random.default_rng(1).permutation(poor.vectors)
    first = train(system, poor, messages.PROMOTION_IF_BETTER)
    second = train(system, good, messages.PROMOTION_IF_BETTER)
    third = train(system, poor, messages.PROMOTION_IF_BETTER)
    assert first.state == second.state == messages.MODEL_STATE_IN_SERVICE
    assert second.comparison.better
    assert second.comparison.difference_low > 0
    assert second.comparison.songs >= 20
    assert third.state == messages.MODEL_STATE_CANDIDATE
    assert not third.comparison.better
    assert third.comparison.other_model == second.name
