"""The loop over a model's days as plain Python: what it keeps, and what moves production."""
