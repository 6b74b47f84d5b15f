"""The code location: every model that has a folder under ``defs/``."""

from functools import cache
from pathlib import Path

import dagster as dg

from mlops_assets.model_files import check_model_files


@dg.definitions
@cache  # a code server asks twice: once for what there is to load, once to load it
def defs() -> dg.Definitions:
    """All models, each run in one process.

    A process costs seconds of imports, and the steps of a run follow each other anyway: so one
    process for a run is the default here, also for runs that are made by hand.

    Raises:
        UserError: A model's file is wrong. Then none is loaded: a model that is left out without
            a word would be a model that nobody watches.
    """
    package = Path(__file__).parent
    check_model_files(package / "defs")
    models = dg.load_from_defs_folder(path_within_project=package)
    return dg.Definitions.merge(models, dg.Definitions(executor=dg.in_process_executor))
