"""What the authorisation server refuses, one class per failure.

Each class carries its status and its `error` code::

OAuthError
├── InvalidClientError          401 invalid_client
├── InvalidRequestError         400 invalid_request
├── InvalidGrantError           400 invalid_grant
├── UnsupportedGrantError       400 unsupported_grant_type
└── ConsentError                told to the client in the address it is sent back to
    ├── UnsupportedResponseError    unsupported_response_type
    ├── InvalidConsentRequestError  invalid_request
    ├── InvalidScopeError           invalid_scope
    └── ConsentRefusedError         access_denied
"""

from collections.abc import Mapping
from typing import ClassVar


class OAuthError(Exception):
    """A refusal; `headers` go with the answer."""

    status: ClassVar[int] = 400
    error: ClassVar[str]
    headers: ClassVar[Mapping[str, str]] = {}

    def __init__(self, description: str) -> None:
        super().__init__(description)
        self.description = description


class InvalidClientError(OAuthError):
    status = 401
    error = "invalid_client"
    headers: ClassVar[Mapping[str, str]] = {"www-authenticate": 'Basic realm="clients"'}

    def __init__(self) -> None:
        super().__init__("Send the id and the secret of a registered client.")


class InvalidRequestError(OAuthError):
    """The call lacks something, or it cannot be read."""

    error = "invalid_request"


class InvalidGrantError(OAuthError):
    """The code or the refresh token is unknown, used, too old, or somebody else's."""

    error = "invalid_grant"


class UnsupportedGrantError(OAuthError):
    error = "unsupported_grant_type"

    def __init__(self) -> None:
        super().__init__("grant_type must be authorization_code or refresh_token.")


class ConsentError(OAuthError):
    """The user's browser brings this one to the client."""


class UnsupportedResponseError(ConsentError):
    error = "unsupported_response_type"

    def __init__(self) -> None:
        super().__init__("response_type must be code.")


class InvalidConsentRequestError(ConsentError):
    error = "invalid_request"


class InvalidScopeError(ConsentError):
    error = "invalid_scope"

    def __init__(self) -> None:
        super().__init__("scope must name scopes that the client is registered for, and at least one.")


class ConsentRefusedError(ConsentError):
    error = "access_denied"

    def __init__(self) -> None:
        super().__init__("The user said no.")
