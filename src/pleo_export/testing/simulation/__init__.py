"""The whole of an export in one process and in no time: one seed is one run, the same whenever it is run.

The real workflow, client, store and simulated Pleo, with a made-up clock, network and accounting system around them.
`simulate(seed)` returns the violations that the oracle found, and the story that led there.
"""

from pleo_export.testing.simulation.run import Run, rehearse, simulate

__all__ = ["Run", "rehearse", "simulate"]
