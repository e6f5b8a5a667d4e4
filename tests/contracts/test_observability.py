"""The alert rules and the dashboard name metrics that the processes really expose."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from falcon import testing
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from api.app import create_app
from db.connection import query
from ingest.metrics import REGISTRY, BroadcastCollector
from operations.project import ROOT
from realtime.metrics import Metrics
from services import clock, job_metrics, reconciliation
from services.bus import bus
from settings import Settings
from workers.app import app as celery_app

ALERTS: dict[str, Any] = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())
RULES: list[dict[str, Any]] = [rule for group in ALERTS["groups"] for rule in group["rules"]]
PANELS: list[dict[str, Any]] = json.loads((ROOT / "deploy/grafana/astrotv.json").read_text())["panels"]
EXPRESSIONS = [rule["expr"] for rule in RULES] + [t["expr"] for panel in PANELS for t in panel["targets"]]
NAME = re.compile(r"astrotv_\w+")


@pytest.fixture
def client(opened: Settings, db: None) -> Iterator[testing.TestClient]:
    yield testing.TestClient(create_app(bus.settings))


def names_in(exposition: str) -> set[str]:
    """Every name of a family or a sample."""
    found: set[str] = set()
    for family in text_string_to_metric_families(exposition):
        found |= {family.name, *(sample.name for sample in family.samples)}
        if family.type == "counter":
            found.add(f"{family.name}_total")
        if family.type == "histogram":
            found.add(f"{family.name}_bucket")
    return found


def exposed(client: testing.TestClient) -> set[str]:
    """What the three processes that serve metrics show."""
    ingest = CollectorRegistry()
    ingest.register(BroadcastCollector(list))
    texts = [client.simulate_get("/metrics").text, Metrics().exposition().decode()]
    texts += [generate_latest(ingest).decode(), generate_latest(REGISTRY).decode()]
    return set().union(*map(names_in, texts))


def test_every_metric_that_is_watched_exists(client: testing.TestClient) -> None:
    reconciliation.reconcile()
    watched = {name for expression in EXPRESSIONS for name in NAME.findall(expression)}
    assert watched - exposed(client) == set()


def test_every_alert_says_what_is_wrong() -> None:
    for rule in RULES:
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in ("page", "warn")
    assert len({rule["alert"] for rule in RULES}) == len(RULES)


def test_labels_of_the_rules_are_those_of_the_metrics(client: testing.TestClient) -> None:
    client.simulate_get("/api/streams")
    text = client.simulate_get("/metrics").text
    for kind in ("webhooks", "webhooks_parked", "outbox", "dead_letters"):
        assert f'astrotv_backlog{{kind="{kind}"}} 0.0' in text
    assert 'status="200"' in text


def test_what_workers_count_is_shown_by_the_api(client: testing.TestClient) -> None:
    celery_app.loader.import_default_modules()
    celery_app.tasks["outbox.sweep"].apply()
    job_metrics.record("mail.send", "failed", 700.0)
    text = client.simulate_get("/metrics").text
    assert 'astrotv_jobs_total{job="outbox.sweep",outcome="done"} 1.0' in text
    assert 'astrotv_jobs_total{job="mail.send",outcome="failed"} 1.0' in text
    assert 'astrotv_job_seconds_bucket{job="mail.send",le="600.0"} 0.0' in text
    assert 'astrotv_job_seconds_bucket{job="mail.send",le="+Inf"} 1.0' in text


def test_the_first_failure_of_a_job_is_an_increase(client: testing.TestClient) -> None:
    job_metrics.record("outbox.sweep", "done", 0.1)
    text = client.simulate_get("/metrics").text
    for job in celery_app.tasks.keys() - {name for name in celery_app.tasks if name.startswith("celery.")}:
        assert f'astrotv_jobs_total{{job="{job}",outcome="failed"}} 0.0' in text
    assert 'astrotv_job_seconds_count{job="mail.send"}' not in text, "times of what never ran say nothing"


def test_whoever_is_not_there_at_all_is_missed_as_well() -> None:
    jobs = {job for rule in RULES for job in re.findall(r'absent\(up{job="(\w+)"}\)', rule["expr"])}
    scraped = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())["scrape_configs"]
    assert jobs == {config["job_name"] for config in scraped}


def test_the_lag_of_webhooks_is_the_age_of_the_oldest(client: testing.TestClient) -> None:
    query(
        """INSERT INTO webhook_events (id, provider, event_id, kind, payload, received_at, next_attempt_at)
           VALUES (gen_random_uuid(), 'stripe', 'e1', 'k', '{}', now() - interval '90 seconds', now())"""
    )
    lag = re.search(r"^astrotv_webhook_lag_seconds ([\d.]+)", client.simulate_get("/metrics").text, re.MULTILINE)
    assert lag
    assert 89 <= float(lag[1]) <= 100


def test_a_comparison_of_the_books_is_shown_with_its_time(client: testing.TestClient) -> None:
    assert "astrotv_ledger_checked_at_seconds" not in client.simulate_get("/metrics").text
    with clock.frozen(clock.now()):
        at = clock.now().timestamp()
        reconciliation.reconcile()
    found = job_metrics.drift()
    assert found is not None
    assert found.findings.keys() >= reconciliation.CHECKS.keys()
    assert found.checked_at == pytest.approx(at, abs=0.001)
    assert 'astrotv_ledger_drift{check="cached_balances"} 0.0' in client.simulate_get("/metrics").text
