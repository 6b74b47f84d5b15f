"""The loop over a model's own history: policies side by side on the same rows, and a page."""
