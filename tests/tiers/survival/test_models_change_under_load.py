"""Promotion, rollback, and kill -9 of the service in the middle of each, while fifty callers ask without a pause.

No request fails: without a crash each call is answered at once; with one, a program that waits as the client's page
says ("UnavailableError: repeat later") gets its answer, from the one model or the other.
"""

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest
from features_stand_in import FeaturesStandIn
from inference_system import fma, training
from processes import free_port
from reclass.inference.v1 import inference_pb2 as messages
from reclass.inference.v1 import inference_pb2_grpc
from reclass_client import Client, ReclassError, UnavailableError, Vector
from runtime.channel import open_channel
from runtime.errors import RemoteError
from runtime.testing import running_server
from synthetic_library import synthetic_library
from triton_server import TritonServer, triton_server
from waiting import until
from wire import values_of

pytestmark = pytest.mark.timeout(900)
CALLERS = 50
RESTART_SECONDS = 120.0
"""The longest that a caller repeats a request: a service that is killed has to start again under the load."""
Say = Callable[[object], None]


@dataclass(kw_only=True)
class Callers:
    """Fifty programs that ask for the same song again and again."""

    target: str
    vector: Vector
    answered: Counter[str] = field(default_factory=Counter)
    """Answers by the version that gave them."""
    repeated: list[ReclassError] = field(default_factory=list)
    """What callers met and repeated for."""
    failed: list[ReclassError] = field(default_factory=list)
    """What no repetition helped against."""
    ended: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def asking(self) -> Iterator["Callers"]:
        """All of them, until the block ends."""
        threads = [threading.Thread(target=self._caller) for _ in range(CALLERS)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self.ended.set()
            for thread in threads:
                thread.join()

    def _caller(self) -> None:
        with Client(self.target) as client:
            while not self.ended.is_set():
                self._ask(client)

    def _ask(self, client: Client) -> None:
        deadline = time.monotonic() + RESTART_SECONDS
        while True:
            try:
                self.answered[client.classify(vectors=[self.vector]).model_version] += 1
                return
            except ReclassError as error:
                if not isinstance(error, UnavailableError) or time.monotonic() > deadline:
                    self.failed.append(error)
                    return
                self.repeated.append(error)

    def answered_by(self, version: str) -> bool:
        """Whether this version answers from now on."""
        before = self.answered[version]
        until(lambda: self.answered[version] > before, RESTART_SECONDS)
        return True


@dataclass(kw_only=True)
class Service:
    """`python -m inference`, which the test may kill."""

    folder: Path
    triton: TritonServer
    features: str
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, and wait until it answers."""
        settings = {
            "TRITON_TARGET": self.triton.target,
            "FEATURES_TARGET": self.features,
            "MODEL_REPOSITORY": str(self.triton.repository),
            "PORT": str(self.port),
            "LOG_LEVEL": "warning",
        }
        environment = {f"INFERENCE_{name}": value for name, value in settings.items()}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "inference"], env={**os.environ, **environment, "TMPDIR": str(self.folder)}
        )
        until(self.names_model, RESTART_SECONDS)

    def kill(self) -> None:
        """As the kernel does when memory runs out."""
        assert self.process
        self.process.kill()
        self.process.wait()

    @contextmanager
    def stub(self) -> Iterator[inference_pb2_grpc.InferenceServiceStub]:
        with open_channel(self.target, timeout_seconds=120) as channel:
            yield inference_pb2_grpc.InferenceServiceStub(channel)

    def names_model(self) -> str:
        """The model in service; empty while nobody answers."""
        try:
            with self.stub() as stub:
                found = stub.ListModels(messages.ListModelsRequest(), timeout=10).models
        except grpc.RpcError:
            return ""
        return next((each.name for each in found if each.state == messages.MODEL_STATE_IN_SERVICE), "none")

    @contextmanager
    def asked_once(self) -> Iterator[inference_pb2_grpc.InferenceServiceStub]:
        """A caller who does not repeat: a switch that died must not be made after all by the next start's caller."""
        with grpc.insecure_channel(self.target, options=[("grpc.enable_retries", 0)]) as channel:
            yield inference_pb2_grpc.InferenceServiceStub(channel)

    def promote(self) -> None:
        with self.asked_once() as stub:
            stub.PromoteModel(messages.PromoteModelRequest(name="model-2"))

    def roll_back(self) -> None:
        with self.asked_once() as stub:
            stub.RollbackModel(messages.RollbackModelRequest(in_service="model-2"))

    def crash_in(self, action: Callable[[], None], moment: Callable[[], bool]) -> str:
        """Begin, kill the service at that moment, start it again; the model in service then."""
        errors: list[RemoteError] = []

        def begin() -> None:
            try:
                action()
            except grpc.RpcError as error:
                errors.append(RemoteError.from_rpc(error))

        caller = threading.Thread(target=begin)
        caller.start()
        until(moment, RESTART_SECONDS)
        self.kill()
        self.start()
        caller.join()
        return self.names_model()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """One with model-1 in service and model-2 beside it."""
    library = synthetic_library(seed=21, genres=6, wrong=6)
    with (
        triton_server(tmp_path / "triton") as triton,
        running_server(FeaturesStandIn().services()) as features,
    ):
        running = Service(folder=tmp_path, triton=triton, features=f"127.0.0.1:{features.port}")
        running.start()
        with running.stub() as stub:
            for seed, promotion in ((1, messages.PROMOTION_ALWAYS), (2, messages.PROMOTION_NEVER)):
                options = messages.TrainOptions(seed=seed, promotion=promotion)
                list(stub.Train(training(library, options), timeout=300))
        yield running
        running.kill()


@pytest.fixture
def callers(service: Service) -> Callers:
    asked = fma(synthetic_library(seed=21, genres=6, wrong=6), 0)
    return Callers(
        target=service.target,
        vector=Vector(kind="FMA", version=asked.version, values=tuple(values_of(asked).tolist())),
    )


def both_are_loaded(service: Service) -> Callable[[], bool]:
    """The moment when Triton is told to serve both, and the pointer has not moved."""
    config = service.triton.repository / "genre_fma" / "config.pbtxt"
    return lambda: "versions: [1, 2]" in config.read_text()


def the_pointer_moved(service: Service) -> Callable[[], bool]:
    """The moment after the other model was named, while the old one is still loaded."""
    pointer = service.triton.repository / "model.current"
    before = pointer.read_bytes()
    return lambda: pointer.read_bytes() != before


def test_a_promotion_and_a_rollback_cost_no_call_of_fifty_callers(
    service: Service, callers: Callers, say: Say
) -> None:
    with callers.asking():
        callers.answered_by("genre_fma/1")
        for _ in range(3):
            service.promote()
            callers.answered_by("genre_fma/2")
            service.roll_back()
            callers.answered_by("genre_fma/1")
    say(f"three promotions and rollbacks under {CALLERS} callers: {callers.answered.total()} calls answered")
    assert callers.failed == []
    assert callers.repeated == []
    assert set(callers.answered) == {"genre_fma/1", "genre_fma/2"}


def test_a_crash_in_the_middle_costs_no_request_and_leaves_one_of_both_in_service(
    service: Service, callers: Callers, say: Say
) -> None:
    with callers.asking():
        callers.answered_by("genre_fma/1")
        assert service.crash_in(service.promote, both_are_loaded(service)) == "model-1"
        service.promote()
        service.roll_back()
        assert service.crash_in(service.promote, the_pointer_moved(service)) == "model-2"
        callers.answered_by("genre_fma/2")
        service.roll_back()
        service.promote()
        assert service.crash_in(service.roll_back, both_are_loaded(service)) == "model-2"
        service.roll_back()
        service.promote()
        assert service.crash_in(service.roll_back, the_pointer_moved(service)) == "model-1"
        callers.answered_by("genre_fma/1")
    say(
        f"kill -9 in two promotions and two rollbacks under {CALLERS} callers: {callers.answered.total()} requests "
        f"answered, {len(callers.repeated)} after a repetition, {len(callers.failed)} failed"
    )
    assert callers.failed == []
    assert set(callers.answered) == {"genre_fma/1", "genre_fma/2"}
