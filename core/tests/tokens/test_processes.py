"""Real processes that share a store: together they fetch one token, and one that is killed holds up nobody."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from svahub.clock import SystemClock
from svahub.testing import Fault

HOLD = 60.0
"""Seconds; so long the killed process would have kept the others waiting, and so these would have failed."""

PROCESS = """
import sys
from concurrent.futures import ThreadPoolExecutor

from pydantic import SecretStr
from svahub import ClientCredentials
from svahub.client import ProviderClient
from svahub.shared_tokens import SharedTokens
from svahub.store import Store
from svahub.store.queue import Lane

store, address, id, secret = sys.argv[1:]
auth = ClientCredentials("/oauth/token", id, SecretStr(secret))
tokens = SharedTokens(Store(store), Lane("default", "it"))
client = ProviderClient(base_url=address, auth=auth, tokens=tokens, timeout=60)
print("ready", flush=True)
sys.stdin.readline()
with ThreadPoolExecutor(8) as threads:
    list(threads.map(lambda _: client.post("/things"), range(16)))
"""


def _started(url, issuer) -> subprocess.Popen[str]:
    program = [sys.executable, "-c", PROCESS, url, issuer.url, *issuer.credentials.values()]
    return subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _let_go(process: subprocess.Popen[str]) -> None:
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("go\n")
    process.stdin.flush()


def _wait_for(happened) -> None:
    end = time.monotonic() + HOLD
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_processes_with_many_threads_fetch_one_token_and_do_not_wait_for_one_that_was_killed(issuer, household) -> None:
    mine = household.process_by(SystemClock())
    issuer.faults.next(Fault.TIMEOUT_BEFORE, path="/oauth")
    with _started(household.url, issuer) as killed, _started(household.url, issuer) as living:
        _let_go(killed)
        _wait_for(lambda: issuer.faults.struck[Fault.TIMEOUT_BEFORE])
        killed.kill()
        _let_go(living)
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda _: mine.post("/things"), range(16)))
        assert living.wait(HOLD) == 0
    assert (issuer.tokens.given, issuer.things) == (1, 32)
