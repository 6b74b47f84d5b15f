"""The command line: ``python -m mlops_assets.cli demo`` and ``up``; `make` calls it."""

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console

from mlops_assets.errors import UserError
from mlops_assets.local.demo import demo
from mlops_assets.local.processes import StoppedError, stop_signals_raise
from mlops_assets.local.up import up


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Returns:
        The exit code: 0 for success, 1 for a failure that a message on stderr explains, 128 plus
        the signal's number if a signal stopped it.
    """
    command = _parser().parse_args(arguments).command
    console = Console()
    with stop_signals_raise():
        try:
            if command == "demo":
                return 0 if demo(console) else 1
            up(console)
        except UserError as error:
            Console(stderr=True).print(str(error), style="red", markup=False, soft_wrap=True)
            return 1
        except StoppedError as stopped:
            Console(stderr=True).print(f"Everything that was started has ended ({stopped}).")
            return stopped.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mlops-assets", description="Runs mlops_assets here.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    commands.add_parser("demo", help="run five days of the model iris through real servers")
    commands.add_parser("up", help="serve Dagster and MLflow over the same state")
    return parser


if __name__ == "__main__":
    sys.exit(main())
