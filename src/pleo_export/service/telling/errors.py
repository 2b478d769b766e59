"""Why somebody was not told yet. The sentences are kept and logged: no address stands in them.

NotToldError
├── NotSetUpError        the environment does not say how
├── MailError            the mail server could not be used, or did not take the message
└── ReceiverError        the receiver of webhooks could not be called, or did not take it
"""


class NotToldError(Exception):
    """A message was not handed over, or nobody knows whether it was."""


class NotSetUpError(NotToldError):
    """The environment lacks what this way of telling needs."""

    def __init__(self, *variables: str) -> None:
        super().__init__(f"Set {' and '.join(variables)} in the environment of the service.")


class MailError(NotToldError):
    """The mail server could not be used, or did not take the message."""

    def __init__(self, happened: str) -> None:
        super().__init__(f"The mail server {happened}.")


class ReceiverError(NotToldError):
    """The receiver of webhooks could not be called, or did not take it."""

    def __init__(self, happened: str) -> None:
        super().__init__(f"The webhook's receiver {happened}.")
