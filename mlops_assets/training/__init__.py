"""AutoML with PyCaret and its record in MLflow."""
