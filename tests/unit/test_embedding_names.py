"""Nothing but its own folders, a label on pages and the documents names an embedding."""

import re
from pathlib import Path

import pytest
from features.embeddings.installed import EMBEDDINGS

SERVICES = Path(__file__).parents[2] / "services"
FEATURES = SERVICES / "features" / "features" / "embeddings"
TRITON = SERVICES / "triton"
NAMES = {each.__module__.split(".")[-2] for each in EMBEDDINGS}
TEXTS = {".py", ".pbtxt", ".txt", ".toml"}
ALLOWED = {
    # How its weights are had: tools of one embedding, which people call by its name.
    "mert": {TRITON / "check_weights.py", TRITON / "trial_weights.py", TRITON / "requirements-torch.txt"},
    # What installs them.
    "musicnn": {TRITON / "requirements.txt"},
}


def is_its_own(path: Path, name: str) -> bool:
    own = (FEATURES / name, TRITON / "models" / name)
    return any(folder in path.parents for folder in own) or path in ALLOWED.get(name, set())


@pytest.mark.parametrize("service", ["features", "triton", "inference", "runtime"])
@pytest.mark.parametrize("name", sorted(NAMES | {"jmla"}))
def test_a_service_names_no_embedding_outside_of_its_folder(service: str, name: str) -> None:
    files = [path for path in (SERVICES / service).rglob("*") if path.suffix in TEXTS]
    assert files
    others = [path for path in files if not is_its_own(path, name)]
    named = [str(path) for path in others if re.search(name, path.read_text(), re.IGNORECASE)]
    assert named == []


@pytest.mark.parametrize("name", sorted(NAMES))
def test_an_embedding_names_no_other(name: str) -> None:
    own = [*(FEATURES / name).rglob("*.py"), *(TRITON / "models" / name).rglob("*.py")]
    assert own
    others = re.compile("|".join(NAMES - {name}), re.IGNORECASE)
    assert [str(path) for path in own if others.search(path.read_text())] == []


@pytest.mark.parametrize("name", sorted(NAMES))
def test_it_is_called_alike_on_both_sides(name: str) -> None:
    (embedding,) = [each for each in EMBEDDINGS if each.__module__.split(".")[-2] == name]
    assert embedding.card.name.lower() == name
    assert (TRITON / "models" / name / "config.pbtxt").is_file()
