"""What is kept stays where the process's settings say."""

import dagster as dg

from mlops_assets_tests.examples import definitions_of


def test_no_run_config_can_redirect_the_store(fork, tmp_path):
    """Whoever may launch a run may write its run config; not so who may choose where data goes."""
    loop, elsewhere = fork(), tmp_path / "elsewhere"
    job = definitions_of(loop.spec).resolve_implicit_global_asset_job_def()
    with loop.environment():
        result = job.execute_in_process(
            instance=loop.instance,
            partition_key="2026-01-08",
            asset_selection=[dg.AssetKey(["iris", "drifted_batch"])],
            run_config={"resources": {"store": {"config": {"url": str(elsewhere)}}}},
        )
    assert result.success
    assert not elsewhere.exists()
    assert loop.store.find_record("iris", "drifted_batch", "2026-01-08") is not None
