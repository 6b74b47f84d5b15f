"""The pages of a day's report, for people."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from mlops_assets.drift.performance import Performance
from mlops_assets.drift.report import write_html
from mlops_assets.drift.two_sample import Comparison
from mlops_assets.drift.verdict import Verdict
from mlops_assets.lifecycle.performance import performance_of

if TYPE_CHECKING:
    from mlops_assets.lifecycle.day import Day


def write_pages(day: "Day", verdict: Verdict) -> dict[str, Path]:
    """Evidently's page against the baseline and, in a known regime, one against that.

    Returns:
        The pages by name; none where nobody looks.
    """
    folder = day.life.pages
    if folder is None:
        return {}
    pages = {"report": folder / f"{day.partition}.html"}
    found = "drift" if verdict.drift_detected else "no drift"
    _write_page(
        day,
        day.reference.table().rows,
        day.against_reference,
        pages["report"],
        verdict,
        f"{found}, beside {day.reference.name}",
        performance_of(day),
        day.outputs and (day.reference_outputs.all, day.outputs.on_days([day.partition]).all),
    )
    for regime, match in day.matches.items():
        if regime.name == verdict.regime:
            pages["regime_report"] = folder / f"{day.partition}-regime.html"
            alike = f"like the regime of {regime.name}"
            page = pages["regime_report"]
            _write_page(day, day.rows_of(regime), match.comparison, page, verdict, alike)
    return pages


def _write_page(
    day: "Day",
    reference: pd.DataFrame,
    comparison: Comparison,
    path: Path,
    verdict: Verdict,
    found: str,
    performance: Performance | None = None,
    predicted: tuple[pd.Series, pd.Series] | None = None,
) -> None:
    spec = day.spec
    write_html(
        reference,
        day.batch,
        day.features,
        spec.columns.target if comparison.target else None,
        spec.task,
        comparison,
        spec.columns,
        path,
        f"{spec.name}, {day.partition}: {found}",
        verdict.reasons,
        performance,
        predicted,
    )
