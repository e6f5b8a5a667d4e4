"""The compose file, the Dockerfile and nginx say what the Procfile and the settings say."""

import re
import shlex
from typing import Any

import pytest
import yaml

import celeryconfig
from operations import procfile
from operations.project import ROOT
from services import jobs
from settings import NAMES

STORES = {"postgres", "redis"}
ONCE = {"migrate"}
FRONT = {"nginx"}
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PROCESSES = {entry.name: entry.command for entry in procfile.entries()}
DOCKERFILE = (ROOT / "Dockerfile").read_text()
NGINX = (ROOT / "deploy" / "nginx.conf").read_text()
RTMP = (ROOT / "deploy" / "rtmp.conf").read_text()
LASTING = sorted(SERVICES.keys() - ONCE)


def test_every_process_is_a_service_and_every_service_is_known() -> None:
    assert SERVICES.keys() == PROCESSES.keys() | STORES | ONCE | FRONT


@pytest.mark.parametrize("name", sorted(PROCESSES))
def test_a_process_runs_the_same_command_in_both(name: str) -> None:
    assert SERVICES[name]["command"] == PROCESSES[name]


@pytest.mark.parametrize("name", LASTING)
def test_a_service_has_a_health_check_and_is_restarted(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", sorted(PROCESSES))
def test_a_process_waits_for_its_stores_and_the_schema(name: str) -> None:
    assert SERVICES[name]["depends_on"].keys() >= STORES | ONCE


def test_only_nginx_and_rtmp_are_public() -> None:
    public = {
        port.rsplit(":", 1)[-1]
        for service in SERVICES.values()
        for port in service.get("ports", [])
        if not port.startswith("127.0.0.1:")
    }
    assert public == {"8080", "8443", "1935"}


def test_several_ingests_share_rtmps_port_behind_nginx() -> None:
    """A port of the host belongs to one container: with it, ingest could not be scaled."""
    assert "ports" not in SERVICES["ingest"]
    assert "1935:1935" in SERVICES["nginx"]["ports"]
    assert "set $ingest ingest:1935;" in RTMP
    assert "./deploy/rtmp.conf:/etc/nginx/front.d/rtmp.conf:ro" in SERVICES["nginx"]["volumes"]
    assert "include /etc/nginx/front.d/*.conf;" in NGINX
    told = SERVICES["ingest"]["environment"]["RTMP_PROXY_PROTOCOL"] == "on"
    assert ("proxy_protocol on;" in RTMP) == told
    assert SERVICES["ingest"]["environment"]["RELAY_OWN_URL"] == "http://{host}:{port}"


def test_every_volume_that_is_mounted_is_declared() -> None:
    mounted = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert {name for name in mounted if not name.startswith(".")} == COMPOSE["volumes"].keys()


def test_the_image_does_not_run_as_root_and_checks_its_health() -> None:
    users = re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)
    assert users
    assert users[-1] not in ("root", "0")
    assert "\nHEALTHCHECK " in DOCKERFILE
    assert "--require-hashes" in DOCKERFILE


def test_the_image_serves_the_api_unless_told_otherwise() -> None:
    [command] = re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert yaml.safe_load(command) == PROCESSES["api"]


def test_nginx_leads_to_the_services_by_their_names_and_not_to_the_metrics() -> None:
    upstreams = dict(re.findall(r"set \$\w+ http://([\w-]+):(\d+);", NGINX))
    assert upstreams == {"api": "8000", "realtime": "8001", "ingest": "8002"}
    assert re.search(r"location = /metrics \{\s+return 404;", NGINX)
    assert {"/ws", "/socket.io/"} <= set(re.findall(r"location (/\S+) \{", NGINX))
    assert NGINX.count("{") == NGINX.count("}")


def test_the_compose_file_sets_settings_that_exist() -> None:
    given = {
        name for service in SERVICES.values() if service.get("image") == "astrotv" for name in service["environment"]
    }
    assert given - {"FORWARDED_ALLOW_IPS", "FLOWER_ADDRESS", "API_WORKERS", "API_THREADS"} <= NAMES


def test_whatever_env_says_reaches_the_containers_but_where_things_are_inside_them() -> None:
    """A setting that compose does not pass on would be in .env, and do nothing."""
    inside = {name for name in NAMES if name.endswith(("_PORT", "_HOST"))} | {"PORT", "DATA_DIR", "HLS_PATH"}
    assert NAMES - set(SERVICES["api"]["environment"]) == inside


def test_the_example_environment_documents_every_setting() -> None:
    written = set(re.findall(r"^#?\s?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert written >= NAMES


def test_every_queue_of_a_job_has_its_worker() -> None:
    served = [
        queue
        for name, command in PROCESSES.items()
        if name.startswith("worker")
        for queue in command[command.index("--queues") + 1].split(",")
    ]
    assert sorted(served) == sorted({job.queue for job in vars(jobs).values() if isinstance(job, jobs.Job)})


def test_the_procfile_needs_no_shell() -> None:
    assert not [
        word for command in PROCESSES.values() for word in command if shlex.quote(word) != word and "@" not in word
    ]


@pytest.mark.parametrize("name", ["worker-webhooks", "worker-default", "worker-media"])
def test_a_worker_may_finish_what_it_does(name: str) -> None:
    """Killed before, it would take its job along until somebody notices."""
    assert int(SERVICES[name]["stop_grace_period"].removesuffix("s")) > celeryconfig.task_time_limit
    [deployment] = yaml.safe_load_all((ROOT / f"deploy/kubernetes/base/{name}.yaml").read_text().split("---")[0])
    assert deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > celeryconfig.task_time_limit
