"""The Kubernetes manifests name the same processes as the Procfile, with probes and disruption budgets."""

from typing import Any

import pytest
import yaml

from operations import procfile
from operations.project import ROOT
from settings import NAMES

FOLDER = ROOT / "deploy" / "kubernetes"
KUSTOMIZATION: dict[str, Any] = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
OBJECTS: list[dict[str, Any]] = [
    found for name in KUSTOMIZATION["resources"] for found in yaml.safe_load_all((FOLDER / name).read_text())
]
PROCESSES = {entry.name: entry.command for entry in procfile.entries()}


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    return {found["metadata"]["name"]: found for found in OBJECTS if found["kind"] == kind}


DEPLOYMENTS = of_kind("Deployment")


def container(name: str) -> dict[str, Any]:
    [found] = DEPLOYMENTS[name]["spec"]["template"]["spec"]["containers"]
    return dict(found)


def test_every_file_is_named_and_every_name_is_a_file() -> None:
    assert set(KUSTOMIZATION["resources"]) == {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}


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
    assert of_kind("ConfigMap")["astrotv"]["data"].keys() <= NAMES
