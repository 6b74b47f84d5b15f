"""Simulations that show how often the decisions are right."""
