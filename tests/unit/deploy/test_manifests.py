"""The manifests of k8s/: they build, fit the schemas, and hang together where no schema looks."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from features.settings import FeatureSettings
from inference.settings import InferenceSettings
from portal.configuration import PortalSettings
from portal.preferences.environment import variables
from portal.preferences.values import Preferences
from runtime.settings import Settings
from sync.settings import SyncSettings

ROOT = Path(__file__).parents[3]
K8S = ROOT / "k8s"
KUBERNETES = "1.35"
WITH_PODS = ("Deployment", "StatefulSet", "Job")
# The images have one user, because inference and Triton share a volume; the database's image has its own.
USERS = {"postgres": 999}
USER = 10001
CALLERS = "inference-callers"
"""The policy of the component that lets other programs in."""
SERVICES: dict[str, type[Settings]] = {
    "SYNC_": SyncSettings,
    "FEATURES_": FeatureSettings,
    "INFERENCE_": InferenceSettings,
    "PORTAL_": PortalSettings,
}
Document = dict[str, Any]
Build = Callable[[Path], list[Document]]


@pytest.fixture(scope="module", params=["base", "overlays/home", "with every component"])
def manifests(
    request: pytest.FixtureRequest, built: Build, tmp_path_factory: pytest.TempPathFactory
) -> list[Document]:
    """Every way in which the manifests are meant to be built."""
    if request.param != "with every component":
        return built(K8S / request.param)
    folder = tmp_path_factory.mktemp("overlay")
    kustomization = {
        "resources": [relative(K8S / "overlays" / "home", folder)],
        "components": [relative(each, folder) for each in sorted((K8S / "components").iterdir())],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return built(folder)


def relative(folder: Path, start: Path) -> str:
    """kustomize takes no absolute paths."""
    return str(Path(*[".."] * len(start.resolve().parts[1:])) / folder.relative_to("/"))


def named(document: Document) -> str:
    return f"{document['kind']}/{document['metadata']['name']}"


def workloads(documents: list[Document]) -> Iterator[Document]:
    yield from (document for document in documents if document["kind"] in WITH_PODS)


def pod(workload: Document) -> Document:
    found: Document = workload["spec"]["template"]["spec"]
    return found


def containers(workload: Document) -> Iterator[Document]:
    yield from pod(workload).get("initContainers", [])
    yield from pod(workload)["containers"]


def of_kind(documents: list[Document], kind: str) -> dict[str, Document]:
    return {each["metadata"]["name"]: each for each in documents if each["kind"] == kind}


def test_every_document_fits_the_schema_of_its_kind(manifests: list[Document]) -> None:
    assert len(manifests) > 15
    for document in manifests:
        kubernetes_validate.validate(document, KUBERNETES, strict=True)


def test_a_field_that_no_schema_knows_is_noticed(built: Build) -> None:
    (deployment,) = [each for each in built(K8S / "base") if named(each) == "Deployment/sync"]
    deployment["spec"]["replica"] = 1
    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate(deployment, KUBERNETES, strict=True)


def test_no_two_documents_have_one_name(manifests: list[Document]) -> None:
    names = [named(document) for document in manifests]
    assert sorted(set(names)) == sorted(names)


def test_a_workload_selects_the_pods_that_it_makes(manifests: list[Document]) -> None:
    for workload in workloads(manifests):
        wanted = workload["spec"]["selector"]["matchLabels"]
        assert wanted.items() <= workload["spec"]["template"]["metadata"]["labels"].items(), named(workload)


def test_a_service_leads_to_pods_that_have_its_port(manifests: list[Document]) -> None:
    for name, service in of_kind(manifests, "Service").items():
        wanted = service["spec"]["selector"].items()
        chosen = [
            each
            for each in workloads(manifests)
            if wanted <= each["spec"]["template"]["metadata"]["labels"].items()
        ]
        assert len(chosen) == 1, name
        ports = port_names(chosen[0])
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports.keys(), name


def port_names(workload: Document) -> dict[str, int]:
    return {p["name"]: p["containerPort"] for each in containers(workload) for p in each.get("ports", [])}


def test_the_services_of_grpc_are_headless_so_that_callers_see_every_pod(manifests: list[Document]) -> None:
    services = of_kind(manifests, "Service")
    assert {
        name for name, each in services.items() if each["spec"].get("clusterIP") == "None"
    } == services.keys() - {"portal"}


def test_a_network_policy_is_about_pods_and_ports_that_exist(manifests: list[Document]) -> None:
    known = {each["metadata"]["name"]: port_names(each) for each in workloads(manifests)}
    policies = of_kind(manifests, "NetworkPolicy")
    assert policies.keys() - {CALLERS} == known.keys()
    for name, policy in policies.items():
        if name == CALLERS:
            continue  # whom it lets in is tried below
        assert policy["spec"]["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": name}
        for rule in policy["spec"].get("ingress", []):
            callers = {
                each["podSelector"]["matchLabels"]["app.kubernetes.io/name"] for each in rule.get("from", [])
            }
            assert callers <= known.keys()
            assert {port["port"] for port in rule["ports"]} <= known[name].keys()


def test_whoever_calls_a_service_is_let_in(manifests: list[Document]) -> None:
    """The callers of docs/architecture.md: what a pod's settings name as target, its policy lets it reach."""
    policies = of_kind(manifests, "NetworkPolicy")
    arrows = {
        "sync": {"portal", "worker", "features"},
        "features": {"portal", "worker", "inference"},
        "inference": {"portal", "worker"},
        "triton": {"inference", "features"},
        "postgres": {"portal", "worker"},
    }
    for name, callers in arrows.items():
        (rule,) = policies[name]["spec"]["ingress"]
        let_in = {each["podSelector"]["matchLabels"]["app.kubernetes.io/name"] for each in rule["from"]}
        assert let_in == callers, name


def doors(
    documents: list[Document], pod: dict[str, str], namespace: dict[str, str] | None
) -> set[tuple[str, str]]:
    """Parts and ports that a pod with these labels reaches; of a namespace with these, None for that of the parts."""
    return {
        (policy["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/name"], port["port"])
        for policy in of_kind(documents, "NetworkPolicy").values()
        for rule in policy["spec"].get("ingress", [])
        if "from" not in rule or any(lets_in(each, pod, namespace) for each in rule["from"])
        for port in rule["ports"]
    }


def lets_in(peer: Document, pod: dict[str, str], namespace: dict[str, str] | None) -> bool:
    """Both selectors of a peer have to fit; without one of namespaces it means its own."""
    selectors = [(peer["podSelector"], pod)]
    if "namespaceSelector" in peer:
        selectors.append((peer["namespaceSelector"], namespace or {}))
    elif namespace is not None:
        return False
    return all(selector.get("matchLabels", {}).items() <= labels.items() for selector, labels in selectors)


@pytest.mark.parametrize(
    ("pod", "namespace", "let_in"),
    [
        ({"reclass-caller": "true"}, {"reclass-callers": "true"}, True),
        ({"reclass-caller": "true"}, None, True),
        ({"reclass-caller": "true"}, {}, False),
        ({}, {"reclass-callers": "true"}, False),
        ({"reclass-caller": "false"}, {"reclass-callers": "true"}, False),
        ({}, None, False),
    ],
)
def test_other_programs_reach_inference_alone_and_only_where_they_are_let_in(
    manifests: list[Document], pod: dict[str, str], namespace: dict[str, str] | None, *, let_in: bool
) -> None:
    has_component = CALLERS in of_kind(manifests, "NetworkPolicy")
    more = doors(manifests, pod, namespace) - doors(manifests, {}, {})
    assert more == ({("inference", "grpc")} if let_in and has_component else set())


def test_every_mount_has_its_volume_and_every_volume_its_mount(manifests: list[Document]) -> None:
    for workload in workloads(manifests):
        claims = [each["metadata"]["name"] for each in workload["spec"].get("volumeClaimTemplates", [])]
        volumes = [volume["name"] for volume in pod(workload)["volumes"]] + claims
        mounted = {mount["name"] for each in containers(workload) for mount in each["volumeMounts"]}
        assert len(set(volumes)) == len(volumes), named(workload)
        assert mounted == set(volumes), named(workload)


def test_a_volume_has_one_source(manifests: list[Document]) -> None:
    for workload in workloads(manifests):
        for volume in pod(workload)["volumes"]:
            assert len(volume) == 2, f"{named(workload)}: {volume}"


def test_every_claim_and_settings_map_that_a_pod_names_is_there(manifests: list[Document]) -> None:
    claims = of_kind(manifests, "PersistentVolumeClaim").keys()
    maps = of_kind(manifests, "ConfigMap").keys()
    for workload in workloads(manifests):
        for volume in pod(workload)["volumes"]:
            if "persistentVolumeClaim" in volume:
                assert volume["persistentVolumeClaim"]["claimName"] in claims, named(workload)
        for each in containers(workload):
            assert {source["configMapRef"]["name"] for source in each.get("envFrom", [])} <= maps


def test_every_secret_that_a_pod_reads_is_a_file_of_make_secrets(manifests: list[Document]) -> None:
    script = (ROOT / "scripts" / "secrets").read_text()
    for workload in workloads(manifests):
        for volume in pod(workload)["volumes"]:
            if "secret" in volume:
                assert volume["secret"]["secretName"] == "reclass-secrets"
                assert all(item["key"] in script for item in volume["secret"]["items"]), named(workload)
                files = {f"/run/secrets/{item['path']}" for item in volume["secret"]["items"]}
                assert files == secret_files(workload), named(workload)


def test_a_pod_has_the_tokens_of_its_own_arrows_alone(manifests: list[Document]) -> None:
    for workload in workloads(manifests):
        part = {"worker": "portal"}.get(workload["metadata"]["name"], workload["metadata"]["name"])
        tokens = [Path(file).name for file in secret_files(workload) if "-to-" in file]
        assert all(part in name.removesuffix("-token").split("-to-") for name in tokens), named(workload)


def secret_files(workload: Document) -> set[str]:
    values = [
        variable["value"]
        for each in containers(workload)
        for variable in each.get("env", [])
        if variable["name"].endswith("_FILE")
    ]
    return set(values)


def test_no_secret_is_written_into_a_manifest(manifests: list[Document]) -> None:
    assert of_kind(manifests, "Secret") == {}
    for name, value in variables_of(manifests):
        assert name.endswith("_FILE") or not any(word in name for word in ("TOKEN", "PASSWORD", "SECRET")), (
            value
        )


def variables_of(documents: list[Document]) -> Iterator[tuple[str, str]]:
    for document in of_kind(documents, "ConfigMap").values():
        yield from document["data"].items()
    for workload in workloads(documents):
        for each in containers(workload):
            yield from ((variable["name"], variable["value"]) for variable in each.get("env", []))


def test_every_variable_is_a_setting_of_its_service(manifests: list[Document]) -> None:
    known = {
        f"{prefix}{name}".upper() for prefix, settings in SERVICES.items() for name in settings.model_fields
    }
    known |= {variable for name in Preferences.model_fields for variable in variables(name)}
    known |= {
        "TRITON_MERT_WEIGHTS",
        "TRITON_KEY",
        "POSTGRES_USER",
        "POSTGRES_DB",
        "POSTGRES_PASSWORD",
        "PGDATA",
    }
    used = {name.removesuffix("_FILE") for name, _ in variables_of(manifests)}
    assert used - known == set()


def test_every_target_is_a_service_and_its_port(manifests: list[Document]) -> None:
    services = of_kind(manifests, "Service")
    targets = [(name, value) for name, value in variables_of(manifests) if name.endswith("_TARGET")]
    assert len(targets) == 7
    for name, target in targets:
        host, port = target.split(":")
        assert int(port) in [each["port"] for each in services[host]["spec"]["ports"]], name


def test_every_probe_asks_a_port_that_the_container_has(manifests: list[Document]) -> None:
    for workload in workloads(manifests):
        for each in pod(workload)["containers"]:
            ports = {port["name"]: port["containerPort"] for port in each.get("ports", [])}
            for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
                for how in ("grpc", "httpGet", "tcpSocket"):
                    asked = each.get(kind, {}).get(how, {}).get("port")
                    assert asked is None or asked in (*ports, *ports.values()), f"{named(workload)} {kind}"


def test_everything_with_a_door_has_all_three_probes(manifests: list[Document]) -> None:
    for workload in workloads(manifests):
        if workload["metadata"]["name"] != "worker":
            (main,) = pod(workload)["containers"]
            assert {"startupProbe", "readinessProbe", "livenessProbe"} <= main.keys(), named(workload)


def test_a_lost_database_takes_the_pages_out_of_service_and_does_not_restart_them(
    manifests: list[Document],
) -> None:
    (portal,) = [each for each in workloads(manifests) if each["metadata"]["name"] == "portal"]
    (main,) = pod(portal)["containers"]
    asked = {
        kind: main[kind]["httpGet"]["path"] for kind in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    assert asked == {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/healthz"}


def test_no_pod_may_more_than_it_must(manifests: list[Document]) -> None:
    for workload in workloads(manifests):
        name = workload["metadata"]["name"]
        assert pod(workload)["automountServiceAccountToken"] is False
        whole = pod(workload)["securityContext"]
        assert whole["runAsNonRoot"] is True
        assert whole["runAsUser"] == whole["fsGroup"] == USERS.get(name, USER)
        assert whole["seccompProfile"] == {"type": "RuntimeDefault"}
        for each in containers(workload):
            assert each["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, f"{name}/{each['name']}"


def test_every_container_says_what_it_needs_and_what_it_may_take(manifests: list[Document]) -> None:
    for workload in workloads(manifests):
        for each in containers(workload):
            assert {"cpu", "memory"} <= each["resources"]["requests"].keys(), named(workload)
            assert "memory" in each["resources"]["limits"], named(workload)


def test_no_service_address_comes_as_a_setting(manifests: list[Document]) -> None:
    """Kubernetes would set PORTAL_PORT=tcp://... for the service `portal`, which is a setting of ours."""
    for workload in workloads(manifests):
        assert pod(workload)["enableServiceLinks"] is False, named(workload)


def test_the_songs_are_mounted_read_only(manifests: list[Document]) -> None:
    (features,) = [each for each in workloads(manifests) if each["metadata"]["name"] == "features"]
    (main,) = pod(features)["containers"]
    (mount,) = [each for each in main["volumeMounts"] if each["name"] == "media"]
    assert mount == {"name": "media", "mountPath": "/media", "readOnly": True}


def test_the_overlay_says_which_version_of_every_image(built: Build) -> None:
    for workload in workloads(built(K8S / "overlays" / "home")):
        for each in containers(workload):
            _, colon, tag = each["image"].rpartition(":")
            assert colon, each["image"]
            assert tag != "latest"


def test_the_way_in_is_off_unless_it_is_asked_for(built: Build) -> None:
    assert of_kind(built(K8S / "overlays" / "home"), "Ingress") == {}


def test_the_ingress_leads_to_a_host_that_the_portal_allows(manifests: list[Document]) -> None:
    for ingress in of_kind(manifests, "Ingress").values():
        (settings,) = of_kind(manifests, "ConfigMap").values()
        allowed = settings["data"]["PORTAL_ALLOWED_HOSTS"].split(",")
        (rule,) = ingress["spec"]["rules"]
        assert rule["host"] in allowed
        backend = rule["http"]["paths"][0]["backend"]["service"]
        ports = of_kind(manifests, "Service")[backend["name"]]["spec"]["ports"]
        assert backend["port"]["name"] in [port["name"] for port in ports]
