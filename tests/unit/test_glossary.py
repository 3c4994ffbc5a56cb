"""The glossary has every value of the contracts, each once, and none that is gone."""

import re
from collections import Counter
from pathlib import Path

from google.protobuf.descriptor import EnumDescriptor, FileDescriptor
from reclass.features.v1 import features_pb2
from reclass.inference.v1 import inference_pb2
from reclass.sync.v1 import sync_pb2

GLOSSARY = Path(__file__).parents[2] / "docs" / "glossary.md"
CONTRACTS: tuple[FileDescriptor, ...] = (
    features_pb2.DESCRIPTOR,
    inference_pb2.DESCRIPTOR,
    sync_pb2.DESCRIPTOR,
)


def enumerations() -> list[EnumDescriptor]:
    return [enum for contract in CONTRACTS for enum in contract.enum_types_by_name.values()]


def test_every_value_of_the_contracts_is_explained_and_no_other():
    values = {value.name for enum in enumerations() for value in enum.values if value.number}
    explained = re.findall(r"^\| `([A-Z0-9_]+)` \|", GLOSSARY.read_text(), re.MULTILINE)
    assert values, "the contracts have no values: the test would prove nothing"
    assert Counter(explained) == Counter(values)


def test_each_term_stands_once():
    lines = GLOSSARY.read_text().splitlines()
    terms = [line.split("|")[1].strip() for line in lines if re.match(r"\| (?!term|value|`)[^|-]", line)]
    assert len(terms) > 40
    assert not [term for term, count in Counter(terms).items() if count > 1]
