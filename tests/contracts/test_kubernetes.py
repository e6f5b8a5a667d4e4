"""The Kubernetes manifests are what Kubernetes takes, name the Procfile's processes, and lead nowhere that is not."""

from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest
import yaml

from operations import procfile
from operations.project import ROOT
from settings import NAMES
from tests.contracts.kustomization import Object, built

FOLDER = ROOT / "deploy" / "kubernetes"
PARTS = ("base", "migrate", "overlays/production", "overlays/staging")
#: The oldest that has all that is used here.
KUBERNETES = "1.33"
#: What the cluster gives: docs/operations.md.
GIVEN = {("Secret", "astrotv")}
OBJECTS = built(FOLDER / "base")
PROCESSES = {entry.name: entry.command for entry in procfile.entries()}


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    return {found["metadata"]["name"]: found for found in OBJECTS if found["kind"] == kind}


DEPLOYMENTS = of_kind("Deployment")


def container(name: str) -> dict[str, Any]:
    [found] = DEPLOYMENTS[name]["spec"]["template"]["spec"]["containers"]
    return dict(found)


@pytest.mark.parametrize("part", PARTS)
def test_kubernetes_takes_every_object(part: str) -> None:
    for found in built(FOLDER / part):
        kubernetes_validate.validate(found, KUBERNETES, strict=True)


def test_what_kubernetes_would_not_take_is_found() -> None:
    broken = built(FOLDER / "base")
    for deployment in broken:
        if deployment["kind"] == "Deployment":
            deployment["spec"]["template"]["spec"]["containers"][0]["livenessProb"] = {}
            with pytest.raises(kubernetes_validate.ValidationError):
                kubernetes_validate.validate(deployment, KUBERNETES, strict=True)


def test_every_file_is_used() -> None:
    used = set()
    for path in FOLDER.rglob("kustomization.yaml"):
        plan = yaml.safe_load(path.read_text())
        used |= {path, *(path.parent / name for name in plan["resources"])}
        used |= {path.parent / patch["path"] for patch in plan.get("patches", ()) if "path" in patch}
        used |= {path.parent / name for made in plan.get("configMapGenerator", ()) for name in made.get("envs", ())}
    files = {path for path in FOLDER.rglob("*") if path.is_file()}
    assert files == {path.resolve() for path in used if path.is_file()}


@pytest.mark.parametrize("part", PARTS)
def test_every_reference_leads_to_something(part: str) -> None:
    objects = built(FOLDER / part)
    there = {(found["kind"], found["metadata"]["name"]) for found in objects} | GIVEN
    for found in objects:
        for reference in references(found):
            assert reference in there, (found["metadata"]["name"], reference)


def references(found: Object) -> Iterator[tuple[str, str]]:
    """Everything that an object names: settings, secrets, volumes, what it scales."""
    spec = found.get("spec", {})
    pod = spec.get("template", {}).get("spec", {})
    for one in pod.get("containers", ()):
        for source in one.get("envFrom", ()):
            for key, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
                if key in source:
                    yield kind, source[key]["name"]
    for volume in pod.get("volumes", ()):
        if "persistentVolumeClaim" in volume:
            yield "PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]
    if "scaleTargetRef" in spec:
        yield spec["scaleTargetRef"]["kind"], spec["scaleTargetRef"]["name"]


@pytest.mark.parametrize("part", PARTS)
def test_every_selector_finds_its_pods(part: str) -> None:
    objects = built(FOLDER / part)
    pods = [found["spec"]["template"]["metadata"]["labels"] for found in objects if found["kind"] == "Deployment"]
    for found in objects:
        if found["kind"] in ("Service", "PodDisruptionBudget"):
            selector = found["spec"]["selector"]
            wanted = selector.get("matchLabels", selector)
            assert [labels for labels in pods if wanted.items() <= labels.items()], found["metadata"]["name"]


def test_every_port_of_a_service_is_one_of_its_process() -> None:
    for name, service in of_kind("Service").items():
        served = {port["containerPort"] for port in container(name)["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} == served


def test_the_relay_is_where_the_settings_say() -> None:
    address = of_kind("ConfigMap")["astrotv"]["data"]["RELAY_URL"]
    host, port = address.removeprefix("http://").split(":")
    assert int(port) in {one["port"] for one in of_kind("Service")[host]["spec"]["ports"]}


def test_each_ingest_says_where_it_is_itself() -> None:
    """Workers and other ingest processes would else ask any of them."""
    template = of_kind("ConfigMap")["astrotv"]["data"]["RELAY_OWN_URL"]
    assert template == "http://{host}:{port}"
    assert 8002 in {port["containerPort"] for port in container("ingest")["ports"]}


@pytest.mark.parametrize("part", PARTS[2:])
def test_an_overlay_changes_no_command_and_takes_no_probe_away(part: str) -> None:
    for found in built(FOLDER / part):
        if found["kind"] == "Deployment":
            [mine] = found["spec"]["template"]["spec"]["containers"]
            theirs = container(found["metadata"]["name"])
            kept = ("args", "livenessProbe", "readinessProbe", "securityContext", "envFrom", "volumeMounts")
            assert {key: mine[key] for key in kept} == {key: theirs[key] for key in kept}


def test_who_serves_goes_on_until_nobody_is_sent_to_it_any_more() -> None:
    """A pod that ends is told at the same moment as those who send to it: it waits for them."""
    for name in ("api", "realtime", "ingest"):
        assert container(name)["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", "5"]
        deployment = DEPLOYMENTS[name]["spec"]
        assert deployment["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
        assert deployment["template"]["spec"]["terminationGracePeriodSeconds"] >= 5 + 10


def test_the_processes_are_those_of_the_procfile() -> None:
    assert DEPLOYMENTS.keys() == PROCESSES.keys()
    assert {name: container(name)["args"] for name in DEPLOYMENTS} == PROCESSES


@pytest.mark.parametrize("name", sorted(DEPLOYMENTS))
def test_a_process_is_probed(name: str) -> None:
    for probe in ("livenessProbe", "readinessProbe"):
        asked = container(name)[probe]
        assert asked.keys() & {"httpGet", "exec"}
        if "httpGet" in asked:
            assert asked["httpGet"]["port"] in {port["containerPort"] for port in container(name)["ports"]}


def test_a_store_that_is_away_does_not_restart_the_api() -> None:
    assert container("api")["livenessProbe"]["httpGet"]["path"] == "/health"
    assert container("api")["readinessProbe"]["httpGet"]["path"] == "/health/ready"


@pytest.mark.parametrize("name", sorted(DEPLOYMENTS))
def test_what_runs_more_than_once_is_never_taken_away_whole(name: str) -> None:
    budgets, replicas = of_kind("PodDisruptionBudget"), DEPLOYMENTS[name]["spec"]["replicas"]
    assert (name in budgets) == (replicas > 1)
    if name in budgets:
        assert budgets[name]["spec"]["maxUnavailable"] == 1
        assert budgets[name]["spec"]["selector"] == DEPLOYMENTS[name]["spec"]["selector"]
    labels = DEPLOYMENTS[name]["spec"]["template"]["metadata"]["labels"]
    assert labels.items() >= DEPLOYMENTS[name]["spec"]["selector"]["matchLabels"].items()


def test_there_is_one_clock() -> None:
    spec = DEPLOYMENTS["beat"]["spec"]
    assert (spec["replicas"], spec["strategy"]["type"]) == (1, "Recreate")


@pytest.mark.parametrize("name", sorted(DEPLOYMENTS))
def test_a_process_has_no_more_rights_than_it_needs(name: str) -> None:
    pod = DEPLOYMENTS[name]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    rights = container(name)["securityContext"]
    assert rights["allowPrivilegeEscalation"] is False
    assert rights["readOnlyRootFilesystem"] is True
    assert rights["capabilities"]["drop"] == ["ALL"]
    assert container(name)["resources"]["limits"]["memory"]


def test_every_volume_that_is_mounted_is_there() -> None:
    for name, deployment in DEPLOYMENTS.items():
        given = {volume["name"] for volume in deployment["spec"]["template"]["spec"]["volumes"]}
        assert {mount["name"] for mount in container(name)["volumeMounts"]} <= given


def test_the_settings_exist() -> None:
    for part in PARTS:
        for found in built(FOLDER / part):
            if found["kind"] == "ConfigMap":
                assert found["data"].keys() - {"FORWARDED_ALLOW_IPS"} <= NAMES
