#!/bin/bash
# First start: a user and databases of their own for Dagster and for MLflow. Neither can enter the other's.
set -euo pipefail
psql --set ON_ERROR_STOP=1 --username postgres --dbname postgres --quiet \
  --set dagster="$DAGSTER_DB_PASSWORD" --set mlflow="$MLFLOW_DB_PASSWORD" <<'SQL'
CREATE USER dagster PASSWORD :'dagster';
CREATE USER mlflow PASSWORD :'mlflow';
CREATE DATABASE dagster OWNER dagster;
CREATE DATABASE mlflow OWNER mlflow;
CREATE DATABASE mlflow_auth OWNER mlflow;
REVOKE CONNECT ON DATABASE postgres, dagster, mlflow, mlflow_auth FROM PUBLIC;
SQL
