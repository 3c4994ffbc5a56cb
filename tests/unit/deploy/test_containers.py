"""The Dockerfile and the compose files: every service has its image, its own environment's variables and few rights."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from features.embeddings.installed import EMBEDDINGS
from features.settings import FeatureSettings
from inference.settings import InferenceSettings
from portal.configuration import PortalSettings
from portal.preferences.environment import variables
from portal.preferences.values import Preferences
from sync.settings import SyncSettings

ROOT = Path(__file__).parents[3]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
OWN_IMAGES = ("sync", "features", "inference", "portal", "triton", "stand-in")
FILES = ("docker-compose.yml", "docker-compose.demo.yml", "docker-compose.inference.yml")
SETTINGS = {
    f"{prefix}_{name}".upper()
    for prefix, settings in (
        ("SYNC", SyncSettings),
        ("FEATURES", FeatureSettings),
        *((f"FEATURES_{each.card.name}", each.settings) for each in EMBEDDINGS),
        ("INFERENCE", InferenceSettings),
        ("PORTAL", PortalSettings),
    )
    for name in settings.model_fields
} | {variable for name in Preferences.model_fields for variable in variables(name)}
OTHERS = {
    "POSTGRES_USER",
    "POSTGRES_DB",
    "POSTGRES_PASSWORD",
    "PGDATA",
    "STAND_IN_TOKEN",
    "TRITON_MERT_WEIGHTS",
    "TRITON_KEY",
}
Document = dict[str, Any]


def compose(name: str) -> Document:
    found: Document = yaml.safe_load((ROOT / name).read_text())
    return found


def stages() -> dict[str, str]:
    """Each stage of the Dockerfile, with its lines."""
    parts = re.split(r"^FROM \S+ AS (\S+)$", DOCKERFILE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def services() -> Iterator[tuple[str, str, Document]]:
    for name in FILES:
        yield from ((name, service, content) for service, content in compose(name)["services"].items())


def test_no_line_of_the_dockerfile_needs_a_registry_but_for_the_base() -> None:
    assert "syntax=" not in DOCKERFILE
    names = re.findall(r"^FROM (\S+) AS", DOCKERFILE, flags=re.MULTILINE)
    assert set(names) == {"${BASE}", "base", "build"}


@pytest.mark.parametrize("name", OWN_IMAGES)
def test_an_image_takes_its_environment_from_a_stage_of_its_own_and_no_tools(name: str) -> None:
    lines = stages()[name]
    copied = re.findall(r"COPY --from=(\S+) (\S+)", lines)
    assert {stage for stage, _ in copied} == {f"{name}-build"}
    assert {path for _, path in copied} <= {"/opt/reclass", "/demo"}
    assert "pip" not in lines


@pytest.mark.parametrize("name", OWN_IMAGES)
def test_an_image_runs_as_a_user_who_is_not_root_and_says_what_it_is(name: str) -> None:
    lines = stages()[name]
    assert lines.index("USER 10001:10001") < lines.index("CMD")
    assert "org.opencontainers.image.title" in lines
    assert "STOPSIGNAL SIGTERM" in lines


@pytest.mark.parametrize("name", ["sync", "features", "inference"])
def test_a_service_installs_its_own_member_and_no_other(name: str) -> None:
    members = set(re.findall(r"\./services/(\w+)", stages()[f"{name}-build"]))
    assert members == {"runtime", name}


def copied_programs() -> list[str]:
    """The Python files of ours that an image gets one by one, without the package that they are of."""
    lines = "".join(stages()[name] for name in OWN_IMAGES)
    copied = re.findall(r"^COPY (services/\S+) \S+$", lines, flags=re.MULTILINE)
    found = {
        path
        for name in copied
        for path in (ROOT / name, *(ROOT / name).rglob("*.py"))
        if path.suffix == ".py"
    }
    return sorted(str(path.relative_to(ROOT)) for path in found)


@pytest.mark.parametrize("program", copied_programs())
def test_a_file_that_is_copied_alone_imports_nothing_of_ours(program: str) -> None:
    tree = ast.parse((ROOT / program).read_text())
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    packages = {path.parent.name for path in ROOT.glob("services/*/*/__init__.py")}
    assert "runtime" in packages
    assert not packages & {name.partition(".")[0] for name in names}


def test_no_weights_are_brought_along() -> None:
    assert not re.search(r"mert|huggingface|\.safetensors|\.pt\b", DOCKERFILE, flags=re.IGNORECASE)


@pytest.mark.parametrize("name", FILES)
def test_both_generations_of_compose_take_the_file(name: str) -> None:
    """v1 refuses `name`; v2 warns of `version`."""
    assert compose(name).keys() <= {"services", "networks", "volumes", "secrets"} | {
        key for key in compose(name) if key.startswith("x-")
    }


def test_every_variable_is_a_setting_that_a_service_has() -> None:
    for file, service, content in services():
        used = {name.removesuffix("_FILE") for name in content.get("environment", {})}
        assert used <= SETTINGS | OTHERS, f"{file}: {service}"


def test_what_an_image_sets_is_a_setting_too() -> None:
    for name in OWN_IMAGES:
        set_here = re.findall(r"\b((?:SYNC|FEATURES|INFERENCE|PORTAL)_[A-Z_]+)=", stages()[name])
        assert set(set_here) <= SETTINGS


def test_every_secret_is_one_that_make_secrets_makes(tmp_path: Path) -> None:
    subprocess.run([ROOT / "scripts" / "secrets", tmp_path / "secrets"], check=True, capture_output=True)
    made = {path.name for path in (tmp_path / "secrets").iterdir()}
    for name in FILES:
        for secret, content in compose(name).get("secrets", {}).items():
            assert content == {"file": f"./secrets/{secret}"}
            assert secret in made


def test_secrets_are_private_and_never_made_twice(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    command = [ROOT / "scripts" / "secrets", folder]
    subprocess.run(command, check=True, capture_output=True)
    first = {path.name: path.read_text() for path in folder.iterdir()}
    again = subprocess.run(command, check=True, capture_output=True, text=True)
    assert {path.name: path.read_text() for path in folder.iterdir()} == first
    assert again.stdout == ""
    assert folder.stat().st_mode & 0o777 == 0o700
    assert len(set(first.values())) == len(first)
    assert all(len(text) >= 32 for name, text in first.items() if name != "plex-token")


def test_the_secrets_folder_is_no_part_of_the_repository_nor_of_an_image() -> None:
    assert "/secrets/" in (ROOT / ".gitignore").read_text().splitlines()
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    assert "!secrets" not in lines


def test_every_service_that_reads_a_secret_is_given_it() -> None:
    for file, service, content in services():
        read = {
            Path(value).name
            for name, value in content.get("environment", {}).items()
            if name.endswith("_FILE")
        }
        given = set(content.get("secrets", []))
        assert read == given, f"{file}: {service}"


def test_a_service_is_given_the_tokens_of_its_own_arrows_alone() -> None:
    """features, for one, which decodes files from anywhere, has none that writes genres."""
    arrows = re.findall(r"\b(\w+)-to-(\w+)-token\b", (ROOT / "scripts" / "secrets").read_text())
    assert len(set(arrows)) == 5
    parts = {"worker": "portal", "migrate": "portal"}
    for file, service, content in services():
        part = parts.get(service, service)
        own = {f"{caller}-to-{called}-token" for caller, called in arrows if part in (caller, called)}
        given = {secret for secret in content.get("secrets", []) if "-to-" in secret}
        assert given <= own, f"{file}: {service}"
        assert not given or given == own, f"{file}: {service}"


def test_only_the_portal_is_published_and_on_loopback_alone() -> None:
    published = {
        name: content["ports"]
        for name, content in compose(FILES[0])["services"].items()
        if "ports" in content
    }
    assert published == {"portal": ["127.0.0.1:${RECLASS_WEB_PORT:-8000}:8000"]}


def test_every_service_is_read_only_without_rights_and_within_limits() -> None:
    whole = compose("docker-compose.yml")["services"] | {
        "stand-in": compose("docker-compose.demo.yml")["services"]["stand-in"]
    }
    for name, content in whole.items():
        assert content["read_only"] is True, name
        assert content["cap_drop"] == ["ALL"], name
        assert content["security_opt"] == ["no-new-privileges:true"], name
        assert content["deploy"]["resources"]["limits"]["memory"], name
        assert content["restart"] == ("no" if name == "migrate" else "unless-stopped"), name
        assert not content.get("cap_add") or name == "postgres"


def test_the_songs_are_mounted_read_only() -> None:
    for name in FILES[:2]:
        (media,) = [
            volume for volume in compose(name)["services"]["features"]["volumes"] if "/media" in volume
        ]
        assert media.endswith(":/media:ro")


def test_every_volume_that_is_used_is_declared() -> None:
    declared = {name for file in FILES for name in compose(file).get("volumes", {})}
    used = {
        volume.split(":")[0]
        for _, _, content in services()
        for volume in content.get("volumes", [])
        if not volume.startswith("$")
    }
    assert used | {"media", "weights"} == declared
