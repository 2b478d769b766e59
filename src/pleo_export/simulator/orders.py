"""Orders to the simulator, and settings that they change."""

from dataclasses import asdict
from typing import Any

from pydantic import ConfigDict
from pydantic.alias_generators import to_camel
from starlette.responses import Response

from pleo_export.simulator.answers import reply
from pleo_export.simulator.scalars import Shape


class Order(Shape):
    """An order to the simulator; a misspelt member is refused."""

    model_config = ConfigDict(extra="forbid")


def apply(change: Order, settings: Any) -> Response:
    """Set what the order names in a dataclass of settings; answer with all of them."""
    for name, value in change.model_dump(exclude_none=True).items():
        setattr(settings, name, value)
    return reply({to_camel(name): value for name, value in asdict(settings).items()})
