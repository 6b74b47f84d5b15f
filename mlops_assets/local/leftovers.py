"""What killed processes have left half written is removed, by whoever has the state for itself."""

from mlops_assets import settings


def sweep() -> int:
    """Removes the files that were never finished; returns how many there were.

    Only where no run is under way: what is being written looks the same.

    Raises:
        OSError: The store or the reports cannot be looked through.
    """
    from mlops_assets.data.store import Store  # a second, which a fresh home need not wait for
    from mlops_assets.drift.report import sweep_pages

    return Store().sweep() + sweep_pages(settings.reports_folder())
