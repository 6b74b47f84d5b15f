"""Is the candidate better, and which version is in use: evaluation, gate, registry."""
