"""Kinds of sources through the whole loop, with nothing but what a YAML says.

CSV files go through it in test_readme.py and test_elsewhere.py.
"""

import os
from contextlib import contextmanager

import dagster as dg
import fsspec
import pytest
import sqlalchemy as sa

from mlops_assets_tests.examples import Loop
from mlops_assets_tests.models.customers import (
    BASELINE,
    BATCHES,
    DAYS,
    customers_spec,
    lives_through_two_days,
)
from mlops_assets_tests.servers import postgres, s3_endpoint


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


def test_a_parquet_dataset_with_a_partition_column(tmp_path, instance):
    dataset = tmp_path / "churn"
    for day, batch in BATCHES.items():
        batch.assign(day=day).to_parquet(dataset, partition_cols=["day"], index=False)
    BASELINE.to_parquet(tmp_path / "baseline.parquet", index=False)
    spec = customers_spec(
        baseline={"kind": "parquet", "url": f"{tmp_path}/baseline.parquet"},
        batches={"kind": "parquet", "url": str(dataset), "partition_column": "day"},
    )
    loop = Loop(tmp_path / "home", instance, spec)
    lives_through_two_days(loop)
    assert "day" not in loop.store.read("churn", "drifted_batch", DAYS[0]).columns


def test_a_postgres_table(tmp_path, instance, monkeypatch):
    with postgres() as url:
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        for day, batch in {"2025-12-01": BASELINE, **BATCHES}.items():
            table = batch.assign(day=day).astype({"day": "datetime64[ns]"})
            table.to_sql("churn", engine, if_exists="append", index=False)
        monkeypatch.setenv("WAREHOUSE_URL", url)
        select = "SELECT customer, usage, price, complaints, plan, churned FROM churn WHERE"
        spec = customers_spec(
            baseline={
                "kind": "sql",
                "url_env": "WAREHOUSE_URL",
                "query": f"{select} day < '2026-01-01'",
            },
            batches={"kind": "sql", "url_env": "WAREHOUSE_URL", "query": f"{select} day = :date"},
        )
        lives_through_two_days(Loop(tmp_path / "home", instance, spec))


class LoopOnS3(Loop):
    """A loop whose store is a bucket as well."""

    @contextmanager
    def environment(self):
        with super().environment():
            os.environ["MLOPS_DATA_URL"] = "s3://lake/store"
            yield


def test_an_s3_bucket_as_source_and_as_store(tmp_path, instance):
    with s3_endpoint("lake"):
        BASELINE.to_parquet("s3://lake/churn/baseline.parquet", index=False)
        for day, batch in BATCHES.items():
            batch.to_parquet(f"s3://lake/churn/day={day}/part-0.parquet", index=False)
        spec = customers_spec(
            baseline={"kind": "parquet", "url": "s3://lake/churn/baseline.parquet"},
            batches={"kind": "parquet", "url": "s3://lake/churn/day={date}/"},
        )
        lives_through_two_days(LoopOnS3(tmp_path / "home", instance, spec))
        stored = fsspec.filesystem("s3").glob("lake/store/churn/**/*.parquet")
        assert len(stored) >= 6  # baseline, two batches, two predictions, an augmented dataset
        assert not (tmp_path / "home" / "data").exists()
