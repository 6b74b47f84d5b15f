"""Records of days and regimes, as a verdict looks back on them."""

from mlops_assets.drift.regimes import Regime, ReportRecord


def report(day: int, *, drifted: bool = False, below: bool | None = None, production: str = "1"):
    """The record of a day of January 2026, of 300 labelled rows."""
    return ReportRecord(
        partition=f"2026-01-{day:02}",
        drift_detected=drifted,
        retrain=False,
        regime="baseline",
        rows=300,
        labelled_rows=300,
        score_below=below,
        production=production,
    )


def regime(day: int, *, rows: int = 300, decided: int | None = None) -> Regime:
    """A regime of one day, promoted where it was decided on."""
    name = f"2026-01-{day:02}"
    decision = None if decided is None else "promoted"
    return Regime(name, (name,), rows, rows, decided is not None, decision, decided, name)
