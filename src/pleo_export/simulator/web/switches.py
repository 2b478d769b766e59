"""The switches for limits and trouble, in people's words; each group is one order of the control API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from pleo_export.simulator.control import SettingsChange, TroubleSettingsChange
from pleo_export.simulator.control_connections import TokenSettingsChange, WebhookSettingsChange
from pleo_export.simulator.errors import InvalidBodyError
from pleo_export.simulator.orders import Order
from pleo_export.simulator.vocabulary import ExpiredStyle, JsonObject, Trouble
from pleo_export.simulator.world import World

_YES_NO = {"true": True, "false": False}
_CHECKS = frozenset(
    {
        "enabled",
        "finalItemsStay",
        "itemUpdatesRefresh",
        "refuseUnfinished",
        "vendorBasedBookkeeping",
        "wrapped",
        "wrongSignature",
    }
)
"""Fields of forms that are boxes to tick; elsewhere "true" is a word like any other."""


@dataclass(frozen=True, slots=True)
class Switch:
    """A setting by the name of its field, what it is called, and what it does."""

    field: str
    label: str
    hint: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Switches that are set together, by an order of this class."""

    name: str
    title: str
    hint: str
    order: type[Order]
    switches: Sequence[Switch]

    def settings(self, world: World) -> Any:
        """Return the settings that the order changes."""
        by_name = {
            "api": world.settings,
            "trouble": world.troubles.settings,
            "tokens": world.oauth.settings,
            "webhooks": world.post.settings,
        }
        return by_name[self.name]


GROUPS = (
    Group(
        "api",
        "Export API",
        "How Pleo answers the integration, and how long it waits for it.",
        SettingsChange,
        (
            Switch("calls_per_minute", "Calls a minute", "One more is answered with 429. 0 sets no limit."),
            Switch("expires_in", "Seconds until a job expires", "Without progress; for jobs from now on."),
            Switch(
                "expired_style",
                "An expired job reads as",
                "Pleo's pages know both.",
                get_args(ExpiredStyle),
            ),
            Switch("default_limit", "Records a page", "Where the caller names no number."),
            Switch("max_limit", "Records a page at most", "Small numbers make many pages."),
            Switch(
                "refuse_unfinished",
                "Refuse to complete a job with open items",
                "Answered with 422; otherwise it is taken.",
            ),
            Switch(
                "item_updates_refresh",
                "Item updates put the expiry off",
                "Pleo's pages leave it open; otherwise only events do.",
            ),
            Switch(
                "final_items_stay",
                "The first final word on an expense counts",
                "Pleo's pages leave it open; otherwise the last word does.",
            ),
        ),
    ),
    Group(
        "trouble",
        "Trouble",
        "What goes wrong with the integration's calls, before they have their effect or after it.",
        TroubleSettingsChange,
        (
            Switch("kind", "What goes wrong", "Refused, cut off, or answered by half.", tuple(Trouble)),
            Switch("calls", "With which calls", "Method and path; * stands for anything."),
            Switch("next_calls", "The next calls", "So many are struck, one after the other."),
            Switch("share", "Share of all calls", "From 0 to 1, by lot."),
            Switch("seed", "Seed of the lots", "The same seed strikes the same calls."),
            Switch("latency_seconds", "Seconds each of them is late", "Also those that are not struck."),
            Switch("retry_after", "429 asks to wait", "Seconds, or anything; empty asks for nothing."),
        ),
    ),
    Group(
        "tokens",
        "Authorisation",
        "How the token endpoint answers a client of OAuth.",
        TokenSettingsChange,
        (
            Switch("latency_seconds", "Seconds an answer is late", "The call has taken effect by then."),
            Switch("lose_answers", "Answers to lose", "The connection is cut after the call took effect."),
            Switch("access_token_seconds", "Life of an access token", "In seconds, from now on."),
            Switch("refresh_token_seconds", "Life of a refresh token", "In seconds, from now on."),
        ),
    ),
    Group(
        "webhooks",
        "Webhooks",
        "What goes wrong on the way to the integration.",
        WebhookSettingsChange,
        (
            Switch("enabled", "Send webhooks", "While off, events are lost for good."),
            Switch("duplicates", "Duplicates", "How many more times each event comes."),
            Switch("delay_seconds", "Delay in seconds", "Each event is held for so long."),
            Switch("disorder_seconds", "Disorder in seconds", "Held by lot up to this much longer."),
            Switch("wrong_signature", "Wrong signature", "Signed with a key that is nobody's."),
            Switch("timestamp_offset_seconds", "Signed for another time", "In seconds; -360 is stale."),
            Switch("wrapped", "Wrapped", "The event inside payload, the other shape on Pleo's pages."),
            Switch("event_type", "Spelling of the event's type", "v1.export-job.created is the right one."),
            Switch("timeout_seconds", "Seconds an endpoint may take", "Then the attempt has failed."),
            Switch("retry_seconds", "Waits before trying again", "Seconds, with commas; empty: one attempt."),
            Switch(
                "switch_off_after_seconds",
                "Seconds until switched off",
                "How long an endpoint may fail before its subscription becomes inactive.",
            ),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A switch as a form shows it; `kind` is check, choice, number or text."""

    switch: Switch
    name: str
    kind: str
    value: str


def shown(group: Group, world: World) -> list[Shown]:
    settings = group.settings(world)
    return [_shown(switch, getattr(settings, switch.field)) for switch in group.switches]


def _shown(switch: Switch, value: object) -> Shown:
    match value:
        case _ if switch.choices:
            kind, text = "choice", str(value)
        case bool():
            kind, text = "check", str(value).lower()
        case list():
            kind, text = "text", ", ".join(map(_plain, value))
        case int() | float():
            kind, text = "number", _plain(value)
        case _:
            kind, text = "text", str(value)
    return Shown(switch, to_camel(switch.field), kind, text)


def _plain(number: float) -> str:
    return f"{number:.15g}"


def read(order: type[Order], form: Mapping[str, str]) -> Any:
    """Read what a form says as an order; raises InvalidBodyError."""
    values: JsonObject = {
        name: _YES_NO.get(text, text) if name in _CHECKS else text for name, text in form.items()
    }
    if "retrySeconds" in values:
        values["retrySeconds"] = [part.strip() for part in form["retrySeconds"].split(",") if part.strip()]
    try:
        return order.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidBodyError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}.") from error
