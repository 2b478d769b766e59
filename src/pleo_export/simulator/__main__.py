"""`python -m pleo_export.simulator`: serve the simulator and print its address once it is ready."""

import argparse
import sys

from pleo_export.simulator.server import run


def _announce(url: str) -> None:
    sys.stdout.write(f"{url}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m pleo_export.simulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--seed", type=int, default=0, help="for the ids that the simulator makes up")
    options = parser.parse_args()
    run(options.host, options.port, seed=options.seed, on_ready=_announce)


if __name__ == "__main__":
    main()
