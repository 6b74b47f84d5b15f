"""Where state lives: everything under ``MLOPS_HOME`` unless a variable moves a part elsewhere."""

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


def in_checkout() -> bool:
    """Whether this is a checkout of the project; else it is a package that another one uses."""
    return (CHECKOUT / "pyproject.toml").is_file()


def home() -> Path:
    """The folder of all state: ``MLOPS_HOME``, else ``.mlops``.

    That is in the checkout; where the package is installed, in the folder that the process was
    started in, which for ``dagster dev`` is the project that uses it.
    """
    beside = CHECKOUT if in_checkout() else Path()
    return Path(os.environ.get("MLOPS_HOME") or beside / ".mlops").expanduser().absolute()


def data_url() -> str:
    """The fsspec URL of the Parquet store: ``MLOPS_DATA_URL``, else ``data/`` in the home."""
    return os.environ.get("MLOPS_DATA_URL") or str(home() / "data")


def reports_folder() -> Path:
    """The local folder of the HTML drift reports."""
    return home() / "reports"


def mlflow_uri() -> str:
    """The MLflow tracking and registry URI: ``MLFLOW_TRACKING_URI``, else sqlite in the home."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home() / 'mlflow.db'}"


def mlflow_patience() -> float:
    """Seconds that a run waits for an MLflow that is away before it fails.

    ``MLOPS_MLFLOW_PATIENCE_SECONDS``, else 180: a restart of MLflow ends no run.
    """
    return float(os.environ.get("MLOPS_MLFLOW_PATIENCE_SECONDS") or 180)


def mlflow_artifacts() -> str:
    """Where the embedded MLflow keeps artifacts; a tracking server decides for itself."""
    return (home() / "mlartifacts").as_uri()


def schedules_run() -> bool:
    """Whether schedules start by themselves; ``MLOPS_SCHEDULES=stopped`` says no."""
    return os.environ.get("MLOPS_SCHEDULES") != "stopped"


def sensor_seconds() -> int:
    """Seconds between two looks of a sensor: ``MLOPS_SENSOR_SECONDS``, else 30."""
    return int(os.environ.get("MLOPS_SENSOR_SECONDS") or 30)
