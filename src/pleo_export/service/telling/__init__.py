"""Tells people when a job ends with failures or a connection breaks."""
