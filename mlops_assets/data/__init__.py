"""Where data comes from and what it must look like: sources, contract, splits, demo data."""
