"""Many models in one code location."""

import dagster as dg
import pytest

from bench.loading import MODELS, best_of, project_of
from mlops_assets_tests.examples import definitions_of, iris_spec

# Names that could be mistaken for a job, a pool or a sensor of the first.
NAMES = ("iris", "iris_daily", "iris_retrain", "iris_daily_schedule", "iris_baseline")


def names_of(name: str) -> dict[str, set[str]]:
    """Whatever Dagster or a database would know something of the model by."""
    definitions = definitions_of(iris_spec(name=name))
    repository = definitions.get_repository_def()
    graph = repository.asset_graph
    keys = graph.get_all_asset_keys()
    jobs = [job for job in repository.get_all_jobs() if not job.name.startswith("__")]
    return {
        "jobs": {job.name for job in jobs},
        "ops": {node.name for job in jobs for node in job.nodes},
        "assets": {key.to_user_string() for key in keys},
        "groups": {str(graph.get(key).group_name) for key in keys},
        "pools": {pool for key in keys for pool in graph.get(key).pools},
        "sensors and schedules": {
            one.name for one in (*repository.sensor_defs, *repository.schedule_defs)
        },
    }


def test_models_share_no_name_of_anything():
    of_model = {name: names_of(name) for name in NAMES}
    for kind in of_model["iris"]:
        everything = [name for names in of_model.values() for name in names[kind]]
        assert len(everything) >= len(NAMES)
        assert len(set(everything)) == len(everything), kind


def test_models_with_such_names_load_side_by_side():
    merged = dg.Definitions.merge(*(definitions_of(iris_spec(name=name)) for name in NAMES))
    repository = merged.get_repository_def()
    assert len(repository.asset_graph.get_all_asset_keys()) == 8 * len(NAMES)


@pytest.mark.timeout(600)
def test_fifty_models_take_less_than_twice_the_time_of_one(tmp_path):
    """In processor time, which a busy machine changes less than the time of day."""
    used = {}
    for models in (1, MODELS):
        folder = tmp_path / str(models)
        folder.mkdir()
        used[models] = best_of(project_of(models, folder), times=4)[1]
    assert used[MODELS] < 2 * used[1], used
