"""Dagster's queue of runs, for one daemon at a time.

A home's ``dagster.yaml`` names it, so that every process on the instance has it, whoever started
that and however: `make up`, ``dagster dev``, ``dagster-daemon run``.
"""

from pathlib import Path
from typing import Any

import dagster as dg
from dagster import QueuedRunCoordinator

from mlops_assets.local.home import claimed_by_daemon


class OneDaemonQueue(QueuedRunCoordinator):
    """Refuses a daemon on a home that another process holds.

    Two daemons would ask for runs twice and launch them twice. A daemon that runs by itself holds
    the home, as `make up` does.
    """

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._held: Any = None

    @property
    def dequeue_interval_seconds(self) -> int:
        """Seconds between two looks into the queue; only a daemon asks, once, when it starts.

        Raises:
            HomeInUseError: if another process holds the home; says which one.
        """
        instance: dg.DagsterInstance = self._instance
        if self._held is None:
            self._held = claimed_by_daemon(Path(instance.root_directory).parent)
        return super().dequeue_interval_seconds
