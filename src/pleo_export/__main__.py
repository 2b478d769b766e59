"""The program `pleo-export`, which is also `python -m pleo_export`."""

import signal


def main() -> None:
    """Run the command line. Ctrl-C while it is being loaded ends it without a trace: nothing is begun yet."""
    heard = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if heard:  # and not ignored, as in what a shell runs in the background
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from pleo_export.cli import main as command_line  # noqa: PLC0415 this is what takes the time

    if heard:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    command_line()


if __name__ == "__main__":
    main()
