"""MLflow's server on this machine, guarded: the application that ``mlflow server`` then serves.

MLflow's own options cannot shut out the pages of other servers on this machine: it takes every
port of localhost for its own. It finds this by its plugin mechanism, the entry points of the group
``mlflow.app``; those are in the folder `PLUGIN`, so that a checkout need not be installed.
"""

import os
from pathlib import Path

from mlops_assets.guard import JSON, Guard, loopback_hosts

APP_NAME = "mlops-assets-guarded"
PLUGIN = Path(__file__).with_name("mlflow_plugin")
PORT = "MLOPS_MLFLOW_PORT"  # the environment variable that tells where it is to be served

_PROTOBUF = "application/x-protobuf"  # traces, as MLflow's own client sends them


def guarded() -> Guard:
    """The server's application, for the port that ``MLOPS_MLFLOW_PORT`` names."""
    from mlflow.server.fastapi_app import app

    return Guard(app, loopback_hosts(int(os.environ[PORT])), types=(JSON, _PROTOBUF))
