"""The outside world as Dagster resources: the store and MLflow."""
