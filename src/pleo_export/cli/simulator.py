"""`pleo-export simulator`: Pleo on this machine, for development and for trying things out."""

import os
from typing import Annotated

import typer

from pleo_export.cli.common import ExitCode, fail, out

HostOption = Annotated[str, typer.Option(help="The address to listen on. Anyone who reaches it controls it.")]
PortOption = Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")]
SeedOption = Annotated[int, typer.Option(help="Makes ids reproducible.")]


def simulator(*, host: HostOption = "127.0.0.1", port: PortOption = 8400, seed: SeedOption = 0) -> None:
    """Serve a simulated Pleo: its export API, and a control API to make companies, expenses and export jobs.

    Everything is in memory and gone at the end. The control API is described at /docs and needs no credentials, so
    keep it to this machine.
    """
    from pleo_export.simulator.server import run as serve  # noqa: PLC0415 heavy, and only this command needs it

    def ready(url: str) -> None:
        out().print(f"Simulated Pleo at {url}, its control API described at {url}/docs. Ctrl+C ends it.")

    try:
        serve(host, port, seed=seed, on_ready=ready)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error  # its own words name the address again
        fail(
            f"Nothing can listen on {host}:{port}: {reason}. Choose --host or --port.",
            ExitCode.WRONG_SETTINGS,
        )
