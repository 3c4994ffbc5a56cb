"""What the configurations of all models in the repository have in common."""

import re
from pathlib import Path

import pytest

MODELS = Path(__file__).parents[3] / "services" / "triton" / "models"


@pytest.mark.parametrize("file", sorted(MODELS.glob("*/config.pbtxt")), ids=lambda file: file.parent.name)
def test_a_model_has_one_process_since_a_dead_one_among_several_is_not_found(file: Path) -> None:
    assert re.findall(r"\bcount:\s*(\d+)", file.read_text()) == ["1"]
