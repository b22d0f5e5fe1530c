"""The whole way: a key made by the command, the server as `svahub serve` has it, a verb, and what the provider sees."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
from click.testing import CliRunner
from svahub.cli import main
from svahub.server.app import application
from svahub.server.serving import Serving, bound
from svahub.testing.server import HOST


def test_what_is_asked_of_the_server_reaches_the_provider(open_isp: Callable[..., Any], finding: Any) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.work()
    made = CliRunner().invoke(main, ["keys", "create", "erp", "--permission", "billing", "--json"], obj=isp.hub)
    headers = {"Authorization": f"Bearer {json.loads(made.stdout)['key']}", "Idempotency-Key": "unpaid-2026-11"}
    with Serving(application(isp.hub), bound(HOST, 0)) as serving, httpx.Client(base_url=serving.url) as client:
        answer = client.post("/v1/contracts/C1/block", json={"reason": "overdue"}, headers=headers)
        isp.work()
        (operation,) = answer.json()["operations"]
        seen = client.get(f"/v1/operations/{operation['id']}", headers=headers).json()
    assert (answer.status_code, isp.remote.calls) == (202, ["create", "block ['overdue']"])
    assert (seen["operation"]["outcome"], seen["operation"]["actor"]) == ("succeeded", "operator:key:erp")
    assert seen["subscription"]["observed"] == "BLOCKED"
