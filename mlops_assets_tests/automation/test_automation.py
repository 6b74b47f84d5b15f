import dagster as dg

from mlops_assets.definitions import defs


def test_everything_runs_by_itself_from_the_start():
    sensors = defs().get_repository_def().sensor_defs
    assert {sensor.name for sensor in sensors} == {
        "iris_baseline",
        "iris_interrupted",
        "iris_late_batches",
        "iris_promote_on_evidence",
        "iris_retrain_on_drift",
        "iris_rollback_on_fall",
    }
    assert all(s.default_status is dg.DefaultSensorStatus.RUNNING for s in sensors)


def test_runs_that_train_carry_the_tag_that_a_queue_can_limit():
    repository = defs().get_repository_def()
    assert repository.get_job("iris_retrain").tags["mlops_assets/trains"] == "yes"
    assert "mlops_assets/trains" not in repository.get_job("iris_daily").tags
    assert repository.get_sensor_def("iris_baseline").run_tags["mlops_assets/trains"] == "yes"
