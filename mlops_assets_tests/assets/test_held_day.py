"""What Dagster shows of a day that is held, and the job by which a person accepts it."""

import dagster as dg
import pytest

from mlops_assets.assets import drift_report as asset_file
from mlops_assets.assets.drift_report import drift_report
from mlops_assets.data.store import Store
from mlops_assets.jobs import accept_job
from mlops_assets_tests.examples import Run
from mlops_assets_tests.lifecycle import made
from mlops_assets_tests.lifecycle.test_faults import FIRST, SECOND, in_millimetres, life, rows


@pytest.fixture
def report(monkeypatch, instance):
    """Makes the report of a day, by a run or by the job that accepts the day."""
    one = life({FIRST: rows(1), SECOND: in_millimetres(rows(2))})
    made.report(one, FIRST)
    made.report(one, SECOND)
    monkeypatch.setattr(asset_file, "life_of", lambda *_: one)
    definitions = dg.Definitions(
        assets=[drift_report(one.spec)],
        jobs=[accept_job(one.spec)],
        resources={"store": Store("unused")},
    )

    def make(day: str, job: str | None = None) -> Run:
        made_of = (
            definitions.resolve_job_def(job)
            if job
            else definitions.resolve_implicit_global_asset_job_def()
        )
        return Run(
            made_of.execute_in_process(instance=instance, partition_key=day, raise_on_error=False)
        )

    return make


def test_a_held_day_is_red_and_says_what_to_do(report):
    run = report(SECOND)
    told, check = run.metadata("drift_report"), run.check("verdict")
    assert (told["state"], told["retrain"], told["regime"]) == (
        "suspected fault",
        False,
        "baseline",
    )
    assert told["faults"] == [{"kind": "unit", "columns": ["x"], "factor": 10.0}]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "suspected fault: x is " in check.description
    assert "run the job small_accept_day for it" in check.description


def test_a_person_accepts_it_and_it_is_judged_as_usual(report):
    accepted = report(SECOND, "small_accept_day")
    assert accepted.success, accepted.message
    told, check = accepted.metadata("drift_report"), accepted.check("verdict")
    assert (told["state"], told["retrain"], told["regime"]) == ("shift, new", True, "new")
    assert "faults" not in told
    assert check.severity is dg.AssetCheckSeverity.WARN
    again = report(SECOND)
    assert again.metadata("drift_report")["state"] == "shift, new"


def test_a_day_that_is_not_held_is_not_accepted(report):
    run = report(FIRST, "small_accept_day")
    assert not run.success
    assert run.message == f"{FIRST} of small is not held for a fault. Nothing changed."
