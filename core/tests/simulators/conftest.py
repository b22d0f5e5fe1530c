"""A provider that keeps notes, simulated, and who talks with it."""

from __future__ import annotations

import random

import httpx
import pytest
from svahub.testing import Answer, Problem, Records, Request, Simulator, Timings, checks, require_basic, route
from svahub.testing.clocks import HandClock

QUICK = 0.3
"""Seconds that nobody has to wait longer for what stays silent."""


class Notes(Simulator):
    """A provider that keeps notes."""

    huge_bytes = 3 * 2**20

    def __init__(self, **options):
        super().__init__(**options)
        self.notes = Records(self.clock, lambda note: note["kind"])

    def make_credentials(self):
        return {"username": "reader", "password": f"made-at-start-{random.random()}"}

    def authorize(self, request: Request):
        require_basic(request, **self.credentials)

    def state(self):
        return {"notes": list(self.notes)}

    @route("GET", "/notes")
    def list(self, request: Request):
        number, limit = checks.page_of(request, "kind")
        rows, total = self.notes.page(number, limit, request.query.get("kind"))
        return Answer(200, {"rows": rows[:-1] if request.short else rows, "total": total})

    @route("PUT", "/notes/{name}")
    def put(self, request: Request, name: str):
        body = checks.fields(request, {"kind": checks.text})
        return Answer(201, self.notes.write(name, {"name": name, **body}, request.lag))

    @route("DELETE", "/notes/{name}")
    def delete(self, request: Request, name: str):
        raise Problem(409, "kept", "notes are kept", name=name)

    @route("GET", "/broken")
    def broken(self, request: Request):
        return Answer(200, [][0])


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def simulator(clock):
    with Notes(seed=1, clock=clock, timings=Timings(delay_seconds=0.1, refuse_seconds=0.2)).running() as running:
        yield running


@pytest.fixture
def http(simulator):
    auth = (simulator.credentials["username"], simulator.credentials["password"])
    with httpx.Client(base_url=simulator.url, auth=auth, timeout=5) as client:
        yield client


def put(http, name="one", kind="red", **options):
    return http.put(f"/notes/{name}", json={"kind": kind}, **options)


def rows(http, **query):
    return http.get("/notes", params=query).json()
