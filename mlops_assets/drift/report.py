"""Evidently's page for people, with the very numbers and verdicts of the comparison."""

import base64
import hashlib
import html
import re
import uuid
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from mlops_assets.data.columns import Columns
from mlops_assets.drift.day_effects import Kind
from mlops_assets.drift.performance import Performance, performance_html
from mlops_assets.drift.side import present
from mlops_assets.drift.two_sample import ColumnDrift, Comparison, Role

PLOTTED_ROWS = 5_000  # the numbers come from the comparison; these rows only draw the plots
PLOTTED_VALUES = 30
OTHER = "(other)"

# Evidently writes its two objects of data into a script, each as JSON on a line of its own.
_DATA_LINE = re.compile(r"^    var (?:additional_graphs_)?metric_[0-9a-f]{32} = .*;$", re.MULTILINE)
_INSIDE_SCRIPT = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}
_SCRIPT = re.compile(r"<script>(.*?)</script", re.DOTALL)
_WORD_JOINER = "\N{WORD JOINER}"  # it has no width


def write_html(
    reference: pd.DataFrame,
    batch: pd.DataFrame,
    features: list[str],
    target: str | None,
    task: str,
    comparison: Comparison,
    columns: Columns,
    path: Path,
    title: str,
    reasons: Sequence[str] = (),
    performance: Performance | None = None,
    predicted: tuple[pd.Series, pd.Series] | None = None,
) -> None:
    """Write Evidently's drift page of a batch against its reference.

    Every column shows the distance, threshold and verdict of ``comparison``: Evidently's own
    choice of test depends on the reference's size, and would contradict the verdict. Sensitive
    columns are left out, since the page contains values; so are columns without any value on one
    side, which Evidently cannot draw. Both are named in the page's head.

    Args:
        reference: What the batch was compared with.
        batch: The batch.
        features: The feature columns that were compared.
        target: The target column, or None.
        task: ``classification`` or ``regression``.
        comparison: What `two_sample.compare` found of these.
        columns: The columns' roles; ``sensitive`` ones are left out.
        path: Where to write the page; its folder is made.
        title: What the page shows, and the verdict in a few words.
        reasons: The verdict's reasons, shown below the title.
        performance: How production does, shown below these; None: the page does not say.
        predicted: What production predicts, of the reference and of the batch; None, or a sensitive
            target: it is not drawn.
    """
    if columns.target in columns.sensitive:
        predicted = None
    drawn = [
        column
        for column in comparison.columns
        if column.name not in columns.sensitive
        and (column.name in (*features, target) or (column.role == "prediction" and predicted))
    ]
    of_rows = [column for column in drawn if column.role != "prediction"]
    then, now = _plotted(reference, of_rows), _plotted(batch, of_rows)
    for column in drawn:
        if column.role == "prediction" and predicted:
            beside = [_plotted(said.to_frame(column.name), [column]) for said in predicted]
            then, now = (
                pd.concat([rows, said], axis=1)
                for rows, said in zip((then, now), beside, strict=True)
            )
    empty = {str(name) for frame in (then, now) for name in frame.columns[frame.isna().all()]}
    drawn = [column for column in drawn if column.name not in empty]
    page = "<html>\n    <head>\n    </head>\n    <body>\n    </body></html>"
    if drawn:
        page = _evidently_page(then, now, drawn, comparison)
    page = _with_its_own_scripts_only(page)
    hidden = [column.name for column in comparison.columns if column not in drawn]
    told = [_prediction_text(comparison), _target_text(target, task, comparison)]
    head = _head(title, comparison, hidden, [*filter(None, told), *reasons])
    head += performance_html(performance) if performance else ""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    aside.write_text(page.replace("<body>", f"<body>\n{head}", 1), encoding="utf-8")
    aside.replace(path)


def sweep_pages(folder: Path) -> int:
    """Remove what killed processes have left half written; returns the number of files.

    Only while nothing writes: what is being written looks the same.
    """
    left = list(folder.rglob(".*.html.*.part"))
    for path in left:
        path.unlink()
    return len(left)


def _plotted(frame: pd.DataFrame, drawn: Sequence[ColumnDrift]) -> pd.DataFrame:
    """The columns to draw, as Evidently can draw them: floats, and text of not too many values."""
    rows = frame.sample(PLOTTED_ROWS, random_state=0) if len(frame) > PLOTTED_ROWS else frame
    rows = rows.reset_index(drop=True)
    values = {}
    for column in drawn:
        series = rows[column.name]
        assert isinstance(series, pd.Series), f"two columns are called {column.name}"
        values[column.name] = _values(series, column.kind)
    return pd.DataFrame(values)


def _values(column: pd.Series, kind: Kind) -> pd.Series:
    values = present(column, kind)
    if kind == "numerical":
        return values.reindex(column.index)
    text = values.astype(str).map(_as_plain_text)
    frequent = text.value_counts().index[:PLOTTED_VALUES]
    return text.where(text.isin(frequent), OTHER).reindex(column.index)


def _evidently_page(
    then: pd.DataFrame, now: pd.DataFrame, drawn: Sequence[ColumnDrift], comparison: Comparison
) -> str:
    with warnings.catch_warnings():
        # Evidently imports what others have deprecated, and correlates constant columns: nothing
        # of that is the reader's to mend.
        warnings.simplefilter("ignore")
        from evidently import DataDefinition, Dataset, Report

        drawn = [replace(column, name=_as_plain_text(column.name)) for column in drawn]
        then, now = then.rename(columns=_as_plain_text), now.rename(columns=_as_plain_text)
        definition = DataDefinition(
            numerical_columns=[column.name for column in drawn if column.kind == "numerical"],
            categorical_columns=[column.name for column in drawn if column.kind == "categorical"],
        )
        with _as_stattests(drawn) as methods:
            snapshot = Report(_metrics(drawn, comparison, methods)).run(
                Dataset.from_pandas(now, data_definition=definition),
                Dataset.from_pandas(then, data_definition=definition),
            )
            return _without_markup_in_data(snapshot.get_html_str(as_iframe=False))


def _as_plain_text(name: str) -> str:
    """``name`` as Plotly shows it letter by letter; else ``<b>`` or a link in it are markup."""
    return name.replace("<", f"<{_WORD_JOINER}")


def _without_markup_in_data(page: str) -> str:
    """Evidently's page with nothing in its data that HTML could take for the script's end."""
    page, found = _DATA_LINE.subn(lambda line: line[0].translate(_INSIDE_SCRIPT), page)
    if found != 2:
        raise ValueError(
            f"Evidently's page has {found} lines of data where 2 were expected: they cannot be "
            "made safe to show. This version of Evidently writes them in another way."
        )
    return page


def _with_its_own_scripts_only(page: str) -> str:
    """The page, told to run no scripts but those that are in it now, and to load nothing."""
    digests = (hashlib.sha256(script[1].encode()).digest() for script in _SCRIPT.finditer(page))
    scripts = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    policy = (
        f"default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; "
        "img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
    )
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    return page.replace("<head>", f"<head>\n{meta}", 1)


def _metrics(
    drawn: Sequence[ColumnDrift], comparison: Comparison, methods: dict[str, Any]
) -> list[Any]:
    """A plot of what production predicts, Evidently's table of the features, one of the target."""
    from evidently.metrics import ValueDrift
    from evidently.presets import DataDriftPreset

    def single(role: Role) -> list[Any]:
        return [
            ValueDrift(column=one.name, method=methods[one.name].name, threshold=one.threshold)
            for one in drawn
            if one.role == role
        ]

    features = [column for column in drawn if column.role == "feature"]
    told_by_share = comparison.share_reached == comparison.features_differ
    if len(features) == len(comparison.features) and told_by_share:
        of_features: list[Any] = [
            DataDriftPreset(
                columns=[column.name for column in features],
                drift_share=comparison.needed_share,
                per_column_method={column.name: methods[column.name] for column in features},
                per_column_threshold={column.name: column.threshold for column in features},
            )
        ]
    else:  # what the table says of the dataset would not be the verdict
        of_features = single("feature")
    return [*single("prediction"), *of_features, *single("target")]


@contextmanager
def _as_stattests(drawn: Sequence[ColumnDrift]) -> Iterator[dict[str, Any]]:
    """The columns' verdicts as Evidently tests that answer them, registered for the while."""
    from evidently.legacy.calculations.stattests import registry
    from evidently.legacy.core import ColumnType

    tests, answers = {}, []
    for column in drawn:
        p_value = f"p {column.p_adjusted:.2g}"
        test = registry.StatTest(
            name=f"{column.name} {uuid.uuid4().hex}",
            display_name=f"{column.distance_name}, {p_value}",
            allowed_feature_types=[ColumnType.Numerical, ColumnType.Categorical],
            default_threshold=column.threshold,
        )
        answer = _answer(column)
        registry.register_stattest(test, answer)
        tests[column.name] = test
        answers.append(answer)
    try:
        yield tests
    finally:
        for test, answer in zip(tests.values(), answers, strict=True):
            del registry._registered_stat_tests[test.name]
            del registry._impls[test]
            del registry._registered_stat_test_funcs[answer]


def _answer(column: ColumnDrift) -> Callable[..., tuple[float, bool]]:
    def answer(reference: object, current: object, kind: object, threshold: float) -> Any:
        del reference, current, kind, threshold  # answered already, on more rows than are drawn
        return column.distance, column.differs

    return answer


def _prediction_text(comparison: Comparison) -> str | None:
    if comparison.prediction is None:
        return None
    verdict = "differs" if comparison.prediction.differs else "is alike"
    return f"What production predicts {verdict}."


def _target_text(target: str | None, task: str, comparison: Comparison) -> str:
    if target is None or comparison.target is None:
        return "The target was not compared: no labels."
    verdict = "differs" if comparison.target.differs else "is alike"
    return f"The target {target} ({task}) {verdict}."


def _head(title: str, comparison: Comparison, hidden: Sequence[str], reasons: Sequence[str]) -> str:
    """The verdict on top of the page."""
    lines = [
        f"{comparison.batch_rows} rows against {comparison.reference_rows} of the reference; "
        f"{len(comparison.drifted_columns)} of {len(comparison.features)} feature columns differ "
        f"(drift from a share of {comparison.needed_share:g}); a column differs where its "
        "distance reaches the threshold and is significant.",
        *reasons,
    ]
    if hidden:
        lines.append(f"Compared but not drawn (sensitive, or empty): {', '.join(hidden)}.")
    items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
    return (
        '<div id="verdict" style="font-family: sans-serif; margin: 1.5em min(32px, 4vw)">'
        f"<h2>{html.escape(title)}</h2><ul>{items}</ul></div>"
    )
