"""``mlops-assets explain``: prints a decision again, with all that it was made from."""

from rich.console import Console
from rich.table import Table

from mlops_assets.data.store import Store
from mlops_assets.evidence.explain import CheckTold, explain
from mlops_assets.lifecycle.life import Life
from mlops_assets.local.reproduce import registry_of
from mlops_assets.spec import ModelSpec


def explain_day(console: Console, spec: ModelSpec, day: str) -> bool:
    """Print what was decided on a day, or what happened in place of a decision.

    Returns:
        False where the stored evidence does not give the stored decision any more.

    Raises:
        UserError: It is no day; or the store cannot be read.
    """
    told = explain(Life(spec, Store(), registry_of(spec)), day)

    def say(text: str, style: str | None = None) -> None:
        console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)

    say(f"{spec.name} {day}: {told.headline}", "bold")
    for reason in told.reasons:
        say(f"- {reason}")
    if told.checks:
        console.print(_table(told.checks))
    width = max((len(name) for name, _ in told.facts), default=0)
    for name, fact in told.facts:
        say(f"{name:{width}}  {fact}")
    for line in told.again:
        say(line, None if told.sound else "red")
    for line in told.besides:
        say(line)
    return told.sound


def _table(checks: tuple[CheckTold, ...]) -> Table:
    table = Table("check", "needed", "measured", "passed", header_style="bold")
    for check in checks:
        passed = "yes" if check.passed else "[red]no[/red]"
        table.add_row(check.name, check.needed, check.measured, passed)
    return table
