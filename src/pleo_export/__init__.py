"""Company spend from Pleo into the books. Where to begin as a library: docs/how-to/use-the-library.md."""
