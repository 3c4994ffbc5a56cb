"""Every method of every service stands in the table of who may call it."""

import re
from pathlib import Path

import pytest
from features.rights import MAY_CALL as FEATURES
from google.protobuf.descriptor import ServiceDescriptor
from inference.rpc.rights import MAY_CALL as INFERENCE
from reclass.features.v1 import features_pb2
from reclass.inference.v1 import inference_pb2
from reclass.sync.v1 import sync_pb2
from runtime.rights import SERVICES, Rights, Role, Table
from sync.rights import MAY_CALL as SYNC

CONTRACTS: dict[str, tuple[ServiceDescriptor, Table]] = {
    "sync": (sync_pb2.DESCRIPTOR.services_by_name["SyncService"], SYNC),
    "features": (features_pb2.DESCRIPTOR.services_by_name["FeatureService"], FEATURES),
    "inference": (inference_pb2.DESCRIPTOR.services_by_name["InferenceService"], INFERENCE),
}
CALLERS_MAY = {"ClassifyTrack", "ClassifyTracks", "DecideTracks", "GetStatus", "ListModels", "GetModel"}


def may(table: Table, role: Role) -> set[str]:
    return {method for method, entry in table.items() if role in entry.roles}


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_method_of_the_contract_says_who_may_call_it(name: str) -> None:
    contract, table = CONTRACTS[name]
    assert set(table) == {method.name for method in contract.methods}
    assert all(entry.roles for entry in table.values())


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_method_without_an_entry_is_refused_to_every_role(name: str) -> None:
    contract, table = CONTRACTS[name]
    rights = Rights({contract.full_name: table}, {role: f"token-of-{role}" for role in Role})
    for role in Role:
        sent = [("authorization", f"Bearer token-of-{role}")]
        error = rights.refusal(f"/{contract.full_name}/AddedYesterday", sent)
        assert error is not None
        assert error.code.name == "PERMISSION_DENIED"


def test_features_which_decodes_hostile_files_may_only_read_audio_at_sync() -> None:
    assert may(SYNC, Role.FEATURES) == {"ReadAudio"}
    assert may(SYNC, Role.PORTAL) == set(SYNC)
    assert not may(SYNC, Role.INFERENCE) | may(SYNC, Role.OPERATOR) | may(SYNC, Role.CALLER)


def test_nobody_from_outside_calls_features() -> None:
    assert not may(FEATURES, Role.OPERATOR) | may(FEATURES, Role.CALLER) | may(FEATURES, Role.FEATURES)


def test_a_caller_classifies_and_reads_and_an_operator_trains_and_promotes_too() -> None:
    assert may(INFERENCE, Role.CALLER) == CALLERS_MAY
    assert may(INFERENCE, Role.OPERATOR) - CALLERS_MAY == {
        "Train",
        "Evaluate",
        "GetOutOfFoldPredictions",
        "PromoteModel",
        "RollbackModel",
    }
    assert {role for role in SERVICES if may(INFERENCE, role)} == {Role.PORTAL}


def test_the_page_about_security_says_the_same() -> None:
    page = (Path(__file__).parents[2] / "docs" / "security.md").read_text()
    said = re.findall(r"^\| (\w+) \| `(\w+)` \|(.*)\|$", page, re.MULTILINE)
    told = [(name, method, [cell.strip() for cell in cells.split("|")]) for name, method, cells in said]
    assert told == [
        (name, method, ["yes" if role in entry.roles else "" for role in Role])
        for name, (_, table) in CONTRACTS.items()
        for method, entry in table.items()
    ]
