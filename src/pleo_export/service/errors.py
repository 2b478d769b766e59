"""How a company is not connected with Pleo, and how the service cannot begin.

ListenError                   nothing can listen on the address that is set
WorkFolderError               the work folder cannot be made, or nothing in it

ConnectError
├── NotConnectedError         neither a connection nor a key was given yet
├── OAuthNotSetUpError        the service does not know how it is registered with Pleo
├── UnknownConnectionError    nobody began this connection, or too long ago
├── OtherBrowserError         it was begun in another browser
└── OtherCompanyError         the person connected another company
"""

import os
import socket
from pathlib import Path


class ListenError(Exception):
    """Nothing can listen on the address that is set."""

    def __init__(self, host: str, port: int, port_variable: str, error: OSError) -> None:
        # What is said of a name that leads nowhere has a number of its own.
        own = isinstance(error, socket.gaierror)
        reason = os.strerror(error.errno) if error.errno and not own else str(error)
        super().__init__(
            f"The service cannot listen on {host}:{port}: {reason}. If another pleo-export runs there, leave it or end it;"
            f" else set PLEO_EXPORT_HOST or {port_variable}."
        )


class WorkFolderError(Exception):
    """The work folder cannot be made, or nothing in it."""

    def __init__(self, folder: Path, error: OSError) -> None:
        super().__init__(
            f"The folder {folder} for receipts cannot be made: {error.strerror or error}."
            " Set PLEO_EXPORT_WORK_FOLDER to a folder that this user may write."
        )


class ConnectError(Exception):
    """A company is not connected, or could not be."""


class NotConnectedError(ConnectError):
    """Nothing proves to Pleo who asks for a company: there is neither a connection nor a key yet."""

    def __init__(self, company_id: str) -> None:
        super().__init__(
            "Pleo cannot be asked for this company yet. Press Connect with Pleo on its page, or keep its API key:"
            f" pleo-export credentials set-api-key {company_id} FILE"
        )


class OAuthNotSetUpError(ConnectError):
    """The service does not know how it is registered with Pleo."""

    def __init__(self) -> None:
        super().__init__(
            "To connect by OAuth set PLEO_EXPORT_OAUTH_CLIENT_ID, PLEO_EXPORT_OAUTH_CLIENT_SECRET and"
            " PLEO_EXPORT_PUBLIC_URL, as they are registered with Pleo."
        )


class UnknownConnectionError(ConnectError):
    """Nobody began this connection, or too long ago, or it was used already."""

    def __init__(self) -> None:
        super().__init__(
            "This link is too old or was used already. Begin again: on the page, or with `pleo-export credentials connect`."
        )


class OtherBrowserError(ConnectError):
    """The connection was begun in another browser than the one that came back from Pleo."""

    def __init__(self) -> None:
        super().__init__("This connection was begun in another browser. Begin again in this one.")


class OtherCompanyError(ConnectError):
    """The person connected another company than the one that was meant. Both are told by name, as far as it is known."""

    def __init__(self, meant: str, connected: str) -> None:
        super().__init__(
            f"{meant} was to be connected, but Pleo connected {connected}. Nothing was kept here. In Pleo the connection"
            f" stays listed with {connected} until it is removed there. Begin again, and choose {meant}."
        )
