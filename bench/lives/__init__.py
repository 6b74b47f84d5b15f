"""Simulated lives of a model and all that can happen to it, checked against the promises."""
