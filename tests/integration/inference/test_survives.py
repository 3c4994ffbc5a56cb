"""What dies comes back: Triton's model processes, Triton itself, this service, files on the disk."""

import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import psutil
import pytest
from inference_system import System, fma, running_system, training
from reclass.inference.v1 import inference_pb2 as messages
from runtime.errors import RemoteError
from runtime.triton import Triton
from synthetic_library import SyntheticLibrary

pytestmark = pytest.mark.outages


def test_a_killed_model_process_costs_no_answer(trained: System, library: SyntheticLibrary) -> None:
    before = trained.classify(fma(library, 0))
    assert trained.triton.stub_pids()
    trained.triton.kill_stubs()
    assert trained.classify(fma(library, 0)) == before


def test_callers_lose_no_answer_when_the_model_process_is_killed_again_and_again(
    trained: System, library: SyntheticLibrary
) -> None:
    before = trained.classify(fma(library, 0))
    with ThreadPoolExecutor(4) as callers:
        for _ in range(2):
            trained.triton.kill_stubs()
            answers = [callers.submit(trained.classify, fma(library, 0)) for _ in range(12)]
            # Batches of other sizes add up in another order, so the last digits of the figures may differ.
            assert {answer.result().genre for answer in answers} == {before.genre}


def test_any_model_whose_process_died_is_started_again_although_its_files_are_unchanged(
    trained: System, library: SyntheticLibrary
) -> None:
    model, version = trained.version().split("/")
    vectors = np.asarray([library.vectors[0]], dtype=np.float32)
    server = Triton(trained.triton.target)
    before = server.infer(model, {"vectors": vectors}, ["logits"], version=version)["logits"]
    for _ in range(2):
        trained.triton.kill_stubs()
        after = server.infer(model, {"vectors": vectors}, ["logits"], version=version)["logits"]
        assert np.array_equal(before, after)
    server.close()


def test_a_killed_triton_is_missed_by_name_and_found_again(
    trained: System, library: SyntheticLibrary
) -> None:
    before = trained.classify(fma(library, 0))
    trained.triton.kill()
    status = trained.stub.GetStatus(messages.GetStatusRequest()).stages[0]
    assert not status.ready
    assert status.model_version == before.model_version
    assert "does not answer" in status.message
    trained.triton.start()
    assert trained.classify(fma(library, 0)) == before
    assert trained.stub.GetStatus(messages.GetStatusRequest()).stages[0].ready


def test_a_killed_training_leaves_the_version_in_service(trained: System, library: SyntheticLibrary) -> None:
    before = trained.version()
    running = trained.stub.Train(training(library), timeout=120)
    next(running)
    for child in psutil.Process().children():
        if "inference.jobs.training_worker" in child.cmdline():
            child.kill()
    with pytest.raises(grpc.RpcError) as caught:
        list(running)
    error = RemoteError.from_rpc(caught.value)
    assert error.reason == "TRAINING_CRASHED"
    assert "signal 9" in error.message
    assert trained.classify(fma(library, 0)).model_version == before


def test_callers_lose_no_answer_while_a_new_version_takes_over(
    trained: System, library: SyntheticLibrary
) -> None:
    before = trained.version()
    versions: set[str] = set()
    failures: list[grpc.RpcError] = []
    ended = threading.Event()

    def call() -> None:
        while not ended.wait(0.01):  # often enough to be under way when the versions change
            try:
                versions.add(trained.classify(fma(library, 0)).model_version)
            except grpc.RpcError as error:
                failures.append(error)

    callers = [threading.Thread(target=call) for _ in range(4)]
    for caller in callers:
        caller.start()
    trained.train(training(library))
    ended.set()
    for caller in callers:
        caller.join()
    assert failures == []
    assert versions <= {before, trained.version()}
    assert trained.version() != before
    assert trained.classify(fma(library, 0)).model_version == trained.version()


def test_a_restarted_service_serves_the_same_version(trained: System, library: SyntheticLibrary) -> None:
    before = trained.classify(fma(library, 0))
    with running_system(trained.triton) as restarted:
        assert restarted.classify(fma(library, 0)) == before


def test_a_service_starts_without_triton_and_finds_it_later(
    trained: System, library: SyntheticLibrary
) -> None:
    before = trained.classify(fma(library, 0))
    trained.triton.kill()
    with running_system(trained.triton) as early:
        assert not early.stub.GetStatus(messages.GetStatusRequest()).stages[0].ready
        trained.triton.start()
        assert early.classify(fma(library, 0)) == before


def test_a_training_without_triton_is_refused_at_once(trained: System, library: SyntheticLibrary) -> None:
    before = trained.version()
    trained.triton.kill()
    with pytest.raises(grpc.RpcError) as caught:
        trained.train(training(library))
    trained.triton.start()
    assert RemoteError.from_rpc(caught.value).reason == "TRITON_UNAVAILABLE"
    assert trained.version() == before


def test_a_damaged_version_is_refused_by_name_and_cured_by_training(
    trained: System, library: SyntheticLibrary
) -> None:
    version = trained.version()
    weights = trained.triton.repository / version / "head.npz"
    weights.write_bytes(weights.read_bytes()[:-100])
    with running_system(trained.triton) as restarted:
        with pytest.raises(grpc.RpcError) as caught:
            restarted.classify(fma(library, 0))
        error = RemoteError.from_rpc(caught.value)
        assert error.reason == "MODEL_BROKEN"
        assert f"{version} is damaged: head.npz" in error.message
        status = restarted.stub.GetStatus(messages.GetStatusRequest()).stages[0]
        assert not status.ready
        assert status.broken
        assert f"{version} is damaged" in status.message
        model = restarted.train(training(library))[-1].report.model
        assert "is damaged: nothing could be compared with it" in model.comparison.verdict
        assert restarted.classify(fma(library, 0)).outcome == messages.OUTCOME_CLASSIFIED
