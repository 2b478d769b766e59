"""A proxy that breaks HTTP on order: put it in front of Pleo or an accounting system, and plan what goes wrong.

    plan = Plan([Order(FAULTS["503 after the effect"], UPDATE_ITEMS, ONCE)], seed=7)
    async with FaultProxy(simulator.url, plan) as proxy:
        ...  # give proxy.url to the program under test
    assert plan.struck

Every call passes that no order strikes. The same plan strikes the same calls again. `FAULTS` holds all faults by name;
each says what is to happen where it strikes.
"""

from pleo_export.testing.proxy.exchange import Exchange
from pleo_export.testing.proxy.faults import FAULTS, Fault
from pleo_export.testing.proxy.plan import ALWAYS, IN_FIFTY, IN_TEN, ONCE, Order, Plan, Rate, Route, Struck
from pleo_export.testing.proxy.server import FaultProxy

__all__ = [
    "ALWAYS",
    "FAULTS",
    "IN_FIFTY",
    "IN_TEN",
    "ONCE",
    "Exchange",
    "Fault",
    "FaultProxy",
    "Order",
    "Plan",
    "Rate",
    "Route",
    "Struck",
]
