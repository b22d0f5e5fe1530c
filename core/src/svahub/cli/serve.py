"""`svahub serve`: take webhooks in, answer health, metrics and the API; do the work too, if it is asked for."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import click

from svahub.cli.output import as_line
from svahub.cli.session import pass_session
from svahub.cli.working import at_work, runner_option, stopped_by_signals, threads_option
from svahub.errors import Refused

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from ipaddress import IPv4Network, IPv6Network

    from svahub.cli.session import Session
    from svahub.hub import Hub
    from svahub.server.serving import Serving
    from svahub.store.states import RunnerName

HOST, PORT = "127.0.0.1", 8180


def _nothing() -> None:
    """Nobody waits to be told."""


class Network(click.ParamType["IPv4Network | IPv6Network"]):
    """An IP address, or a network as 10.0.0.0/8."""

    name = "address"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> IPv4Network | IPv6Network:
        """Return the network, or fail as a usage error."""
        try:
            return ip_network(str(value))
        except ValueError:
            self.fail("write an IP address, or a network as 10.0.0.0/8.", param, ctx)


@click.command("serve", epilog="Example: svahub serve --port 8180 --proxy 10.0.0.7")
@click.option("--with-work", is_flag=True, help="Do what `svahub work` does too.")
@click.option("--host", default=HOST, show_default=True, metavar="ADDRESS", help="Where to listen; plain HTTP.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0 takes one that is free."
)
@click.option(
    "--proxy", "proxies", type=Network(), multiple=True, help="A proxy that tells truly who asks; several if repeated."
)
@threads_option
@runner_option
@click.option("--all-tenants", is_flag=True, help="Work for every tenant.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON.")
@pass_session
def command(
    session: Session, with_work: bool, host: str, port: int, proxies: tuple[IPv4Network | IPv6Network, ...],
    threads: int, runner: RunnerName, all_tenants: bool, as_json: bool,
) -> None:  # fmt: skip
    """Take webhooks in; answer health, metrics, the API and activation links, until SIGTERM or Ctrl-C.

    What has begun is answered. It answers for every tenant. Whoever is to reach it from outside comes by way of a proxy
    that speaks TLS: name it with --proxy, so that its X-Forwarded-For is believed and consents bear the customers'
    addresses. Print the address once it listens.
    """
    names = [] if all_tenants else [session.office.name]
    listening = _bound(host, port)
    if not with_work:
        with _serving(session.hub, listening, proxies=proxies) as serving, stopped_by_signals(serving.stop):
            _greet(serving, as_json)
            serving.wait()
        return
    with (
        at_work(session.hub, names, threads=threads, runner=runner) as work,
        _serving(session.hub, listening, work.stop, stored=work.receiving.wake, works=True, proxies=proxies) as serving,
        stopped_by_signals(serving.stop, work.stop),
    ):
        _greet(serving, as_json)
        work.runner.work_on()


def _bound(host: str, port: int) -> socket.socket:
    try:
        from svahub.server import app, serving  # noqa: F401 -- to know at once whether all that it needs is here
    except ModuleNotFoundError as error:
        raise Refused(f"The server needs more packages ({error.name}): pip install 'svahub[server]'.") from error
    return serving.bound(host, port)


def _serving(hub: Hub, listening: socket.socket, ended: Callable[[], None] = _nothing, **how: Any) -> Serving:
    from svahub.server.app import application
    from svahub.server.serving import Serving

    return Serving(application(hub, **how), listening, ended)


def _greet(serving: Serving, as_json: bool) -> None:
    click.echo(as_line({"url": serving.url}) if as_json else f"Answering at {serving.url}. Ctrl-C ends it.")
