"""How MLflow finds the application that it is to serve; e2e/test_guard.py asks it over HTTP."""

from importlib.metadata import distributions

from mlops_assets.local.tracking_server import APP_NAME, PLUGIN, guarded


def test_mlflows_plugin_mechanism_finds_the_guarded_server_without_an_installation():
    (plugin,) = distributions(path=[str(PLUGIN)])
    assert plugin.metadata["Name"]
    (found,) = plugin.entry_points.select(group="mlflow.app")
    assert found.name == APP_NAME
    assert found.load() is guarded
