from pathlib import Path

import pytest

from mlops_assets import settings

VARIABLES = (
    "MLOPS_HOME",
    "MLOPS_DATA_URL",
    "MLFLOW_TRACKING_URI",
    "MLOPS_SCHEDULES",
    "MLOPS_SENSOR_SECONDS",
    "MLOPS_MLFLOW_PATIENCE_SECONDS",
)


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_without_settings_everything_is_in_the_checkout():
    home = Path(settings.__file__).parent.parent / ".mlops"
    assert settings.home() == home
    assert settings.data_url() == str(home / "data")
    assert settings.mlflow_uri() == f"sqlite:///{home}/mlflow.db"
    assert settings.reports_folder() == home / "reports"
    assert settings.mlflow_artifacts() == f"file://{home}/mlartifacts"
    assert settings.schedules_run()


def test_the_home_moves_every_part(monkeypatch, tmp_path):
    monkeypatch.setenv("MLOPS_HOME", str(tmp_path))
    parts = [settings.data_url(), settings.mlflow_uri(), settings.mlflow_artifacts()]
    assert all(str(tmp_path) in part for part in [*parts, str(settings.reports_folder())])


def test_a_part_can_be_moved_alone(monkeypatch, tmp_path):
    monkeypatch.setenv("MLOPS_HOME", str(tmp_path))
    monkeypatch.setenv("MLOPS_DATA_URL", "s3://bucket/data")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow.example")
    assert settings.data_url() == "s3://bucket/data"
    assert settings.mlflow_uri() == "https://mlflow.example"
    assert settings.reports_folder() == tmp_path / "reports"


@pytest.mark.parametrize("variable", VARIABLES)
def test_an_empty_variable_is_as_good_as_none(monkeypatch, variable):
    def everything():
        return (
            settings.home(),
            settings.data_url(),
            settings.mlflow_uri(),
            settings.schedules_run(),
            settings.sensor_seconds(),
            settings.mlflow_patience(),
        )

    before = everything()
    monkeypatch.setenv(variable, "")
    assert everything() == before


def test_a_relative_or_short_home_is_made_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLOPS_HOME", "state")
    assert settings.home() == tmp_path / "state"
    monkeypatch.setenv("MLOPS_HOME", "~/state")
    assert settings.home() == Path.home() / "state"


def test_the_demo_can_keep_the_schedule_from_ticking(monkeypatch):
    monkeypatch.setenv("MLOPS_SCHEDULES", "stopped")
    assert not settings.schedules_run()
