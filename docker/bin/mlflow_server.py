"""Brings MLflow's databases and users up to date, then becomes the MLflow server.

Users are those of the environment: MLFLOW_ADMIN_PASSWORD for `admin`, who may do everything;
MLFLOW_TRACKING_PASSWORD for `pipeline`, which trains and promotes; MLFLOW_SERVING_PASSWORD for
`serving`, which only reads. Passwords that were changed there are changed here at the next start;
MLflow itself takes a password on its first start only.
"""
# ruff: noqa: INP001

import os
import subprocess
import sys
from pathlib import Path

# The driver reads PGPASSWORD: so no URL has a password in it, and no list of processes shows one.
DATABASE = f"postgresql+psycopg://mlflow@{os.environ['POSTGRES_HOST']}:5432"
AUTH = Path("/tmp/mlflow-auth.ini")  # noqa: S108 - the container's own tmpfs
PASSWORDS = {
    "admin": "MLFLOW_ADMIN_PASSWORD",
    "pipeline": "MLFLOW_TRACKING_PASSWORD",
    "serving": "MLFLOW_SERVING_PASSWORD",
}


def main() -> None:
    """Prepare, then serve."""
    AUTH.write_text(
        "[mlflow]\n"
        "default_permission = READ\n"
        f"database_uri = {DATABASE}/mlflow_auth\n"
        "admin_username = admin\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        # Else every request of a training pays for the slow hash of a password.
        "auth_cache_ttl_seconds = 60\n",
        encoding="utf-8",
    )
    os.environ["MLFLOW_AUTH_CONFIG_PATH"] = str(AUTH)
    # Another process, so that its memory is gone before the server starts.
    subprocess.run([sys.executable, __file__, "prepare"], check=True)  # noqa: S603
    command = ["mlflow", "server", "--host", "0.0.0.0", "--port", "5000", "--workers", "1"]  # noqa: S104
    command += ["--app-name", "basic-auth", "--backend-store-uri", f"{DATABASE}/mlflow"]
    command += ["--artifacts-destination", os.environ.get("MLFLOW_ARTIFACTS", "file:///artifacts")]
    command += ["--allowed-hosts", os.environ["MLFLOW_HOSTS"]]
    os.environ["MLFLOW_AUTH_ADMIN_PASSWORD"] = os.environ["MLFLOW_ADMIN_PASSWORD"]
    for variable in PASSWORDS.values():
        del os.environ[variable]
    os.execvp("mlflow", command)  # noqa: S606, S607


def prepare() -> None:
    """Migrate the databases, make the users, set their passwords."""
    from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore as Users
    from mlflow.store.db.utils import (
        _initialize_tables,
        _upgrade_db,
        create_sqlalchemy_engine_with_retry,
    )
    from sqlalchemy import inspect

    engine = create_sqlalchemy_engine_with_retry(f"{DATABASE}/mlflow")
    if "experiments" in inspect(engine).get_table_names():
        _upgrade_db(engine)
    else:
        _initialize_tables(engine)
    users = Users()
    users.init_db(f"{DATABASE}/mlflow_auth")
    for name, variable in PASSWORDS.items():
        password, admin = os.environ[variable], name == "admin"
        if not users.has_user(name):
            users.create_user(name, password, is_admin=admin)
        else:
            users.update_user(name, password=password, is_admin=admin)


if __name__ == "__main__":
    prepare() if sys.argv[1:] == ["prepare"] else main()
