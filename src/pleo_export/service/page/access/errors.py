"""Why somebody is not let in, or not further.

AccessError
├── NotSignedInError        nobody is signed in here
├── NotHereError            there is no such thing for this visitor
├── NotAllowedError         the visitor's role does not go so far
├── CrossSiteError          another site sent the form, or it is too old
├── InsecureAddressError    the page would go over the network for anybody to read
├── TooManyTriesError       too many sign-ins failed
├── RefusedSignInError      name or password are not right
├── WrongCodeError          the code of the second factor is not right
├── SecondFactorNeededError a second factor has to be set up first
├── SignInAgainError        the provider has to vouch anew
├── LinkGoneError           a welcome link is good no more
├── WeakPasswordError       the password or the name cannot be taken
└── ProviderError           the OpenID provider, or what it says, cannot be used (see `provider`)
"""

from datetime import datetime


class AccessError(Exception):
    """Somebody is not let in, or not further; `status` is that of the answer."""

    status = 403


class NotSignedInError(AccessError):
    """Nobody is signed in here, or was idle for too long."""

    status = 401

    def __init__(self) -> None:
        super().__init__("Please sign in first.")


class NotHereError(AccessError):
    """There is no such thing, or this visitor may not know of it."""

    status = 404

    def __init__(self) -> None:
        super().__init__("There is nothing here, or nothing that you may see.")


class NotAllowedError(AccessError):
    """The visitor may see this, but not do it."""

    def __init__(self, needed: str) -> None:
        super().__init__(f"For this you need to be {needed}. Ask an administrator.")


class CrossSiteError(AccessError):
    """The form is not one of ours, or of a session that has ended."""

    def __init__(self) -> None:
        super().__init__("This did not come from a page of ours that is still good. Open the page again.")


class InsecureAddressError(AccessError):
    """Passwords and cookies would go over the network for anybody to read."""

    def __init__(self) -> None:
        super().__init__(
            "This page is shown over https only, or on the machine it runs on:"
            " set PLEO_EXPORT_PUBLIC_URL to the https address it is reached at."
        )


class TooManyTriesError(AccessError):
    """Too many sign-ins failed for this name, or from this address."""

    status = 429

    def __init__(self, again: datetime, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(f"Too many sign-ins failed. Try again after {again:%H:%M:%S} UTC.")


class RefusedSignInError(AccessError):
    """Name and password are not those of a user."""

    status = 401

    def __init__(self) -> None:
        super().__init__("The name, the password or the code is not right.")


class WrongCodeError(AccessError):
    """The code is not that of this half minute, was used already, or is no recovery code of the user."""

    status = 401

    def __init__(self) -> None:
        super().__init__("The code is not right, or was used already. Take the next one that your app shows.")


class SecondFactorNeededError(AccessError):
    """A password alone is not enough here, and the user has no second factor yet."""

    def __init__(self) -> None:
        super().__init__("Please set up a second factor first.")


class SignInAgainError(AccessError):
    """Somebody without a password here was not looked at by the provider for too long."""

    status = 401

    def __init__(self) -> None:
        super().__init__("Sign in with your organisation again, then do this within five minutes.")


class LinkGoneError(AccessError):
    """A welcome link was used already, replaced by a newer one, or is too old."""

    status = 410

    def __init__(self) -> None:
        super().__init__("This link was used already, or is too old. Ask an administrator for a new one.")


class WeakPasswordError(AccessError):
    """A name or a password that cannot be taken; the sentence says what is asked for."""

    status = 422
