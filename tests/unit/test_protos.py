"""The contract can be made into stubs for other languages as it stands."""

import re
from pathlib import Path

import pytest

PROTOS = Path(__file__).parents[2] / "protos"
FILES = sorted(PROTOS.rglob("*.proto"))


def test_there_is_a_contract_for_each_service() -> None:
    assert [path.stem for path in FILES] == ["features", "inference", "sync"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_go_is_told_where_the_package_goes(path: Path) -> None:
    text = path.read_text()
    service = re.search(r"^package reclass\.(\w+)\.v1;$", text, re.MULTILINE)
    assert service
    name = service[1]
    assert f'option go_package = "reclass.internal/protos/{name}/v1;{name}v1";' in text
