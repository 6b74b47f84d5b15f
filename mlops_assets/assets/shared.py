"""What the assets have in common: how they are declared, and how they report."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import dagster as dg
import pandas as pd

from mlops_assets import settings
from mlops_assets.data.store import Store
from mlops_assets.errors import AwayError, UserError
from mlops_assets.lifecycle.life import Life
from mlops_assets.lifecycle.moves import finish_begun
from mlops_assets.promotion.registry import Registry
from mlops_assets.resources.mlflow import tag_away
from mlops_assets.spec import ModelSpec

# What a daily run carries that looks for news of a day: without any it leaves all as it is.
ASKED_AGAIN = {"mlops_assets/asked": "again"}

# Of a daily run: what the files that it has read looked like, and that its day was closed.
READ_TAG, CLOSED_TAG = "mlops_assets/read", "mlops_assets/closed"

# What a run of the drift report carries that a person has asked for, who has looked at the day.
ACCEPTS_FAULTS = {"mlops_assets/accepts": "faults"}

# What a run carries that was asked for again: who asked first, a sensor, a schedule or a person.
ASKED_BY_TAG = "mlops_assets/asked_by"
PERSON = "a person"


def asset(
    spec: ModelSpec,
    name: str,
    *,
    deps: tuple[str, ...] = (),
    daily: bool = True,
    pool: str | None = None,
    checks: dict[str, str] | None = None,
    **more: Any,
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """``@dg.asset`` with what follows from the model and from the asset's place in it.

    Args:
        spec: The model.
        name: The asset's name.
        deps: Names of the assets of the same model that it follows.
        daily: Whether it has a partition a day.
        pool: The name of its pool in the model: at most one run at a time.
        checks: Its checks, each with what it says when it passes.
        more: Other arguments of ``@dg.asset``.
    """
    key = [spec.name, name]
    more["check_specs"] = [
        # A broken contract stops what follows; the other checks are for people to look at.
        dg.AssetCheckSpec(title, asset=key, blocking=title == "contract", description=text)
        for title, text in (checks or {}).items()
    ]
    return dg.asset(
        key=key,
        deps=[[spec.name, upstream] for upstream in deps],
        group_name=spec.name,
        owners=spec.owners,
        code_version="1",
        partitions_def=partitions(spec) if daily else None,
        pool=f"{spec.name}_{pool}" if pool else None,
        **more,
    )


def partitions(spec: ModelSpec) -> dg.DailyPartitionsDefinition:
    """One partition a day, in UTC, from the model's start date on."""
    return dg.DailyPartitionsDefinition(start_date=spec.start_date)


@contextmanager
def told_plainly(then: str = "") -> Iterator[None]:
    """Turn what a user can mend into a failure whose description is the message; no retry.

    A run that an ``AwayError`` ends is tagged, for whoever asks for it again.

    Args:
        then: What to do once it is mended, if that is not plain.
    """
    try:
        yield
    except UserError as error:
        if isinstance(error, AwayError):
            context = dg.OpExecutionContext.get()
            tag_away(context.instance, context.run.run_id, error)
        told = f"{error} {then}".rstrip()
        raise dg.Failure(told, allow_retries=False) from None


def asked_by(run: dg.DagsterRun) -> str | None:
    """The sensor or schedule that asked for a run, or for its first try; None for a person."""
    tags = run.tags
    by = tags.get(ASKED_BY_TAG) or tags.get("dagster/sensor_name")
    by = by or tags.get("dagster/schedule_name")
    return None if by == PERSON else by


def life_of(spec: ModelSpec, store: Store) -> Life:
    """The model with its store and its registry, once all that was begun there is finished."""
    registry = Registry(
        spec.name, settings.mlflow_uri(), settings.home() / "locks", settings.mlflow_patience()
    )
    life = Life(spec, store, registry, settings.reports_folder() / spec.name)
    for move in finish_begun(life):
        dg.get_dagster_logger().warning(
            "The %s to version %d, which was cut short, is %s%s.",
            *(move.kind, move.to, move.state, f": {move.why}" if move.why else ""),
        )
    return life


def table_metadata(table: pd.DataFrame, path: str) -> dict[str, Any]:
    """Dagster's standard metadata of a stored table: rows, columns, where it is."""
    columns = [dg.TableColumn(str(name), str(kind)) for name, kind in table.dtypes.items()]
    return {
        "dagster/row_count": len(table),
        "dagster/column_schema": dg.TableSchema(columns=columns),
        "stored_at": dg.MetadataValue.path(path),
    }


def yellow_where(told: Sequence[str], name: str, what: str) -> dg.AssetCheckResult:
    """A check that is green; or yellow with what a person should look at, a line each."""
    if not told:
        return dg.AssetCheckResult(passed=True, check_name=name)
    return dg.AssetCheckResult(
        passed=False,
        check_name=name,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{what}:\n" + "\n".join(f"- {each}" for each in told),
        metadata={"to_look_at": len(told)},
    )
