"""The command line, ``python -m mlops_assets.cli`` or ``mlops-assets``; `make` calls it."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from mlops_assets import settings
from mlops_assets.errors import UserError
from mlops_assets.local.defs_folder import defs_folder
from mlops_assets.local.demo import demo
from mlops_assets.local.explain import explain_day
from mlops_assets.local.new_model import new_model
from mlops_assets.local.processes import StoppedError, stop_signals_raise
from mlops_assets.local.reproduce import reproduce_version
from mlops_assets.local.up import up
from mlops_assets.model_files import check_model_files, schema, spec_of
from mlops_assets.replay.replay import Wish, replay


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Returns:
        The exit code: 0 for success, 1 for a failure that a message on stderr explains, 128 plus
        the signal's number if a signal stopped it.
    """
    given = _parser().parse_args(arguments)
    with stop_signals_raise():
        try:
            return 0 if given.run(given, Console()) else 1
        except UserError as error:
            Console(stderr=True).print(str(error), style="red", markup=False, soft_wrap=True)
            return 1
        except StoppedError as stopped:
            Console(stderr=True).print(f"Everything that was started has ended ({stopped}).")
            return stopped.exit_code


def _demo(_: argparse.Namespace, console: Console) -> bool:
    _refuse_without_sound_models("demo")
    return demo(console)


def _up(_: argparse.Namespace, console: Console) -> bool:
    _refuse_without_sound_models("up")
    up(console)
    return True


def _schema(_: argparse.Namespace, __: Console) -> bool:
    sys.stdout.write(schema())
    return True


def _new_model(given: argparse.Namespace, console: Console) -> bool:
    written = new_model(given.name, given.example, given.defs)
    console.print(
        f"{written} is the new model. Say in it what its data is; then start Dagster, or reload "
        "its definitions where it runs.",
        soft_wrap=True,
        highlight=False,
    )
    return True


def _replay(given: argparse.Namespace, console: Console) -> bool:
    defs = defs_folder(given.defs, "replay NAME")
    wish = Wish(given.name, given.first, given.last, tuple(given.settings), given.training, defs)
    console.print(f"The page: {replay(wish, console).as_uri()}", soft_wrap=True)
    return True


def _reproduce(given: argparse.Namespace, console: Console) -> bool:
    spec = spec_of(given.name, defs_folder(given.defs, "reproduce NAME VERSION"))
    return reproduce_version(console, spec, given.version)


def _explain(given: argparse.Namespace, console: Console) -> bool:
    spec = spec_of(given.name, defs_folder(given.defs, "explain NAME DAY"))
    return explain_day(console, spec, given.day)


def _refuse_without_sound_models(command: str) -> None:
    if not settings.in_checkout():
        raise UserError(
            f"{command} serves the models of a checkout of mlops_assets, and this is the installed "
            "package. Start your own project: dagster dev."
        )
    # Here, where nothing is around the message; a server that does not start has a log around it.
    check_model_files(settings.CHECKOUT / "mlops_assets" / "defs")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mlops-assets", description="Runs mlops_assets here.")
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(name: str, run: Callable[..., bool], told: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=told)
        added.set_defaults(run=run)
        return added

    command("demo", _demo, "run six days of the model iris through real servers")
    command("up", _up, "serve Dagster and MLflow over the same state")
    command("schema", _schema, "print the JSON schema of a model's defs.yaml")
    new = command("new-model", _new_model, "write the defs.yaml of a new model")
    new.add_argument("name", help="the model's name, such as churn")
    new.add_argument("--from", dest="example", help="copy this ready example, such as wine")
    past = command("replay", _replay, "live a model's own history again, by several policies")
    past.add_argument("name", help="the model's name")
    past.add_argument("--from", dest="first", metavar="DAY", help="the first day (its start_date)")
    past.add_argument("--to", dest="last", metavar="DAY", help="the last (the last with a batch)")
    past.add_argument(
        "--set",
        dest="settings",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="live a variant as well, such as drift.regime_growth=2; several changes of one "
        "variant are separated by spaces; may be given more than once",
    )
    past.add_argument(
        "--training",
        choices=("fast", "full"),
        default="fast",
        help="fast refits what the first search has found; full searches each time",
    )
    again = command("reproduce", _reproduce, "train a version again, and compare")
    again.add_argument("name", help="the model's name")
    again.add_argument("version", type=int, help="the version's number, such as 2")
    told = command("explain", _explain, "tell what was decided on a day, and why")
    told.add_argument("name", help="the model's name")
    told.add_argument("day", help="the day, such as 2026-01-31")
    for of_a_model in (new, past, again, told):
        of_a_model.add_argument(
            "--defs", type=Path, help="your project's defs folder, where it is not here"
        )
    return parser


if __name__ == "__main__":
    sys.exit(main())
