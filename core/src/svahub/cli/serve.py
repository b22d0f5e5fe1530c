"""`svahub serve`: take webhooks in, answer health, metrics and the API; do the work too, if it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from svahub.cli.output import as_line
from svahub.cli.session import pass_session
from svahub.cli.working import at_work, stopped_by_signals, threads_option
from svahub.errors import Refused

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from svahub.cli.session import Session
    from svahub.hub import Hub
    from svahub.server.serving import Serving

HOST, PORT = "127.0.0.1", 8180


def _nothing() -> None:
    """Nobody waits to be told."""


@click.command("serve")
@click.option("--with-work", is_flag=True, help="Do what `svahub work` does too.")
@click.option("--host", default=HOST, show_default=True, metavar="ADDRESS", help="Where to listen; plain HTTP.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0 takes one that is free."
)
@threads_option
@click.option("--all-tenants", is_flag=True, help="Work for every tenant.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON.")
@pass_session
def command(
    session: Session, with_work: bool, host: str, port: int, threads: int, all_tenants: bool, as_json: bool
) -> None:
    """Take webhooks in and answer health, metrics and the API, until SIGTERM or Ctrl-C; what has begun is answered.

    It answers for every tenant. Whoever is to reach it from outside comes by way of a proxy that speaks TLS. Print the
    address once it listens.
    """
    names = [] if all_tenants else [session.office.name]
    listening = _bound(host, port)
    if not with_work:
        with _serving(session.hub, listening) as serving, stopped_by_signals(serving.stop):
            _greet(serving, as_json)
            serving.wait()
        return
    with (
        at_work(session.hub, names, threads=threads) as work,
        _serving(session.hub, listening, stored=work.receiving.wake, ended=work.stop) as serving,
        stopped_by_signals(serving.stop, work.stop),
    ):
        _greet(serving, as_json)
        work.worker.work_on()


def _bound(host: str, port: int) -> socket.socket:
    try:
        from svahub.server import app, serving  # noqa: F401 -- to know at once whether all that it needs is here
    except ModuleNotFoundError as error:
        raise Refused(f"The server needs more packages ({error.name}): pip install 'svahub[server]'.") from error
    return serving.bound(host, port)


def _serving(
    hub: Hub, listening: socket.socket, stored: Callable[[], None] = _nothing, ended: Callable[[], None] = _nothing
) -> Serving:
    from svahub.server.app import application
    from svahub.server.serving import Serving

    return Serving(application(hub, stored=stored), listening, ended)


def _greet(serving: Serving, as_json: bool) -> None:
    click.echo(as_line({"url": serving.url}) if as_json else f"Answering at {serving.url}. Ctrl-C ends it.")
