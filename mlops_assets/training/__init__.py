"""AutoML, and its record in MLflow."""
