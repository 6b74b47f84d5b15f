"""The code location: every model that has a folder under ``defs/``."""

from pathlib import Path

import dagster as dg


@dg.definitions
def defs() -> dg.Definitions:
    """All models, each run in one process.

    A process costs seconds of imports, and the steps of a run follow each other anyway: so one
    process for a run is the default here, also for runs that are made by hand.
    """
    models = dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
    return dg.Definitions.merge(models, dg.Definitions(executor=dg.in_process_executor))
