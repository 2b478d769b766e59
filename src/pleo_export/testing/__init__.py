"""What is shipped to authors of connectors: the contract suite, sample entries, and faults on order."""
