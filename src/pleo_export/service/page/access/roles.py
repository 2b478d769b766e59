"""What a user may do in a company."""

from enum import StrEnum


class Role(StrEnum):
    """Each may do what those before it may."""

    VIEWER = "viewer"  # sees everything, presses nothing
    OPERATOR = "operator"  # presses the buttons
    ADMINISTRATOR = "administrator"  # connects, and exports diagnostics; of every company: names users

    def covers(self, other: "Role") -> bool:
        """Whether this role may do what the other may."""
        order = list(Role)
        return order.index(self) >= order.index(other)
