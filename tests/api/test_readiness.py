"""Readiness: 200 only when everything answers; else a refusal that names what does not."""

import pytest
from falcon import testing

from services import health


def test_what_is_not_ready_is_named_in_a_refusal(client: testing.TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise ConnectionRefusedError

    monkeypatch.setitem(health.CHECKS, "broker", away)
    result = client.simulate_get("/health/ready")
    assert (result.status_code, result.headers["retry-after"]) == (503, "2")
    said = result.json
    assert (said["success"], said["code"], said["error"]) == (False, "not_ready", "What does not answer: broker.")
    assert {name: part["ok"] for name, part in said["data"]["parts"].items()} == {
        "database": True,
        "broker": False,
        "storage": True,
    }
