"""Tells people when a job ends with failures, Pleo and the books differ, or a connection breaks."""
