"""A local stand-in for Pleo's Export API v3, for development, demonstrations and tests.

It is a second, independent reading of the contract: it imports nothing of the integration, and the
integration imports nothing of it. State lives in memory and ends with the process.
"""
