"""What the service calls at Pleo, and calls again, is counted."""

from functools import partial

from pleo_export.observe import metrics
from pleo_export.pleo.retrying import Surroundings

COUNTED = Surroundings(called=metrics.pleo_called, repeated=partial(metrics.call_repeated, "pleo"))
