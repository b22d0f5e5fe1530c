"""What plugins answer for in the server: mounted below their prefix, and one that is broken hurts nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from svahub.discovery import ROUTES
from svahub.plugin_routes import declared
from svahub.registry import Registry
from svahub.server.app import application
from svahub.server.serving import Serving, bound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PARTNER = """
from svahub.extension import Routes


def _build(hub):
    from starlette.exceptions import HTTPException
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    def tenants(request):
        return JSONResponse([row.name for row in hub.tenants()])

    def add(request):
        with hub.tenant("default", "partner").transaction("partner add", "thing T1") as transaction:
            return JSONResponse({"tenant": transaction.tenant}, 201)

    def fail(request):
        raise ValueError("a bug about 529.982.247-25")

    def refuse(request):
        raise HTTPException(403, "not for you")

    return [
        Route("/tenants", tenants),
        Route("/things", add, methods=["POST"]),
        Route("/bug", fail),
        Route("/refusal", refuse),
    ]


ROUTES = Routes("/acme/v1", _build)
"""
BROKEN = {
    "missing": ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
    "exits": ("raise SystemExit(7)", "SystemExit: 7"),
    "number": ("ROUTES = 42", "the entry point is int, not svahub.extension.Routes"),
    "nowhere": (PARTNER.replace('"/acme/v1"', '"api"'), "its prefix 'api' is no path such as /api/v1"),
    "everywhere": (PARTNER.replace('"/acme/v1"', '"/"'), "its prefix '/' is no path"),
    "greedy": (PARTNER.replace('"/acme/v1"', '"/v1/contracts"'), "claimed by svahub itself (/v1) and by this plugin"),
    "idle": (PARTNER.replace("_build)", "None)"), "its build is NoneType, nothing to call"),
}


@pytest.fixture
def serve(hub) -> Iterator[Callable[[], httpx.Client]]:
    """Return what serves the installation as it is now and returns a client of it."""
    opened = []

    def serve() -> httpx.Client:
        serving = Serving(application(hub), bound("127.0.0.1", 0)).__enter__()
        opened.append((serving, httpx.Client(base_url=serving.url)))
        return opened[-1][1]

    yield serve
    for serving, client in opened:
        client.close()
        serving.__exit__(None, None, None)


def _install(site, name: str, source: str) -> None:
    module = f"{name}_routes"
    site.install(f"{name}_package", f"[{ROUTES}]\n{name} = {module}:ROUTES\n", **{module: source})


def _broken() -> dict[str, str]:
    return {one.plugin: one.fault for one in declared() if one.fault}


def test_a_plugins_routes_are_answered_below_its_prefix_and_write_with_an_audit(site, hub, serve) -> None:
    _install(site, "partner", PARTNER)
    client = serve()
    assert client.get("/acme/v1/tenants").json() == ["default"]
    assert client.post("/acme/v1/things").json() == {"tenant": "default"}
    entry = next(e for e in hub.tenant("default").audit.list() if e.command == "partner add")
    assert (entry.actor, entry.subject) == ("partner", "thing T1")
    assert client.get("/tenants").status_code == 404
    assert client.get("/health/live").status_code == 200
    assert _broken() == {}


def test_a_route_that_fails_answers_500_and_the_log_has_no_persons_number(site, serve, caplog) -> None:
    _install(site, "partner", PARTNER)
    client = serve()
    failed, refused = client.get("/acme/v1/bug"), client.get("/acme/v1/refusal")
    assert (failed.status_code, failed.json()) == (500, {"error": "Internal Server Error"})
    assert (refused.status_code, refused.json()) == (403, {"error": "not for you"})
    assert client.get("/acme/v1/tenants").status_code == 200
    assert "a route of partner failed: ValueError" in caplog.text
    assert "529.982.247-25" not in caplog.text


def test_broken_routes_are_listed_with_their_reasons_and_the_others_are_served(site, serve) -> None:
    for name, (source, _) in BROKEN.items():
        _install(site, name, source)
    _install(site, "partner", PARTNER.replace("/acme/v1", "/partner"))
    told = {one.name: one.broken for one in Registry().listing() if one.group == ROUTES}
    assert told.keys() == BROKEN.keys()
    assert [name for name, (_, reason) in BROKEN.items() if reason not in told[name]] == []
    assert serve().get("/partner/tenants").status_code == 200


@pytest.mark.parametrize("prefix", ["/acme/v1", "/acme", "/acme/v1/more"])
def test_of_two_plugins_that_want_the_same_paths_neither_gets_them_and_both_are_named(site, serve, prefix) -> None:
    _install(site, "one", PARTNER)
    _install(site, "other", PARTNER.replace('"/acme/v1"', f'"{prefix}"'))
    told = _broken()
    assert sorted(told) == ["one", "other"]
    for reason in told.values():
        assert "'one' of one_package (/acme/v1)" in reason
        assert f"'other' of other_package ({prefix})" in reason
    assert serve().get("/acme/v1/tenants").status_code == 404


def test_prefixes_that_only_begin_alike_are_two(site, serve) -> None:
    _install(site, "one", PARTNER)
    _install(site, "other", PARTNER.replace('"/acme/v1"', '"/acme/v12"'))
    client = serve()
    assert [client.get(f"/acme/{version}/tenants").status_code for version in ("v1", "v12")] == [200, 200]


def test_routes_that_cannot_be_built_are_left_out(site, serve, caplog) -> None:
    _install(site, "partner", PARTNER.replace("_build(hub):", "_build(hub):\n    1 / 0"))
    client = serve()
    assert client.get("/acme/v1/tenants").status_code == 404
    assert client.get("/health/live").status_code == 200
    assert "the routes of partner cannot be built: ZeroDivisionError" in caplog.text
