"""Whatever is sent: a prediction for each row as it was meant, or 400 and a sentence.

A hundred bodies a test here. Ten thousand each, in a quarter of an hour: ``MLOPS_FUZZ=10000 pytest
--timeout 0 mlops_assets_tests/serving/test_fuzz.py``. A failure tells the seed, which
MLOPS_FUZZ_SEED sets.
"""

import csv
import io
import json
import os
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops_assets.data.columns import Columns
from mlops_assets.training.automl import train
from mlops_assets.training.policy import TrainingPolicy
from mlops_assets_tests.serving.asked import Asked

BODIES = int(os.environ.get("MLOPS_FUZZ", "100"))
SEED = int(os.environ.get("MLOPS_FUZZ_SEED", random.SystemRandom().randrange(10**6)))
COLUMNS = {
    "age": "float",
    "income": "float",
    "code": "string",
    "since": "datetime",
    "member": "boolean",
}
JSON, CSV = "application/json", "text/csv"


@pytest.fixture(scope="module", params=["dt", "lr"])
def asked(request):
    """A tree, which holds numbers as float32, and a model that overflows; with the model."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "age": rng.integers(18, 80, 400),
            "income": rng.lognormal(10, 0.5, 400),
            "code": rng.choice(["1", "2", "007", "naïve", None], 400),
            "since": pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 300, 400), "D"),
            "member": rng.random(400) < 0.5,
        }
    )
    table["churned"] = np.where((table["age"] < 40) ^ (table["code"] == "2"), "yes", "no")
    policy = TrainingPolicy(algorithms=[request.param], folds=3)
    model = train(table, Columns(target="churned"), "classification", policy, lambda _: None).model
    served = Asked(model, COLUMNS)
    yield served, model
    served.close()


Row = dict[str, Any]


def as_records(rows: Any) -> bytes:
    return json.dumps({"dataframe_records": rows}).encode()


def as_split(names: list[Any], data: Any) -> bytes:
    return json.dumps({"dataframe_split": {"columns": names, "data": data}}).encode()


def as_csv(lines: list[list[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(["" if v is None else v for v in line] for line in lines)
    return text.getvalue().encode()


def right(dice: random.Random) -> tuple[bytes, str, list[Row]]:
    """A right body in any form and order, with further columns, and what it means."""
    rows = [
        {
            "age": dice.choice([dice.randrange(18, 80), dice.uniform(18, 80), None]),
            "income": dice.choice([dice.lognormvariate(10, 0.5), 0, 1e30]),
            "code": dice.choice(["1", "2", "007", "naïve", "new", "a,b", 'a"b', "a\nb", None]),
            "since": dice.choice(["2025-01-31", "2025-02-01T10:30:00", "2025-03-01 01:00Z", None]),
            "member": dice.choice([True, False, None]),
        }
        for _ in range(dice.randrange(1, 5))
    ]
    names = [*COLUMNS, *dice.sample(["id", "churned", "", "größe", "Age"], dice.randrange(4))]
    dice.shuffle(names)
    filled = [[row.get(name, 3) for name in names] for row in rows]
    form = dice.choice(["records", "split", "csv"])
    if form == "csv":
        return as_csv([names, *filled]), CSV, rows
    # A whole number is meant by the text of its digits, and true by 1.
    for line, row in zip(filled, rows, strict=True):
        if row["code"] in ("1", "2") and dice.random() < 0.5:
            line[names.index("code")] = dice.choice([int(row["code"]), float(row["code"])])
        if row["member"] is not None and dice.random() < 0.5:
            line[names.index("member")] = int(row["member"])
    if form == "split":
        return as_split(names, filled), JSON, rows
    return as_records([dict(zip(names, line, strict=True)) for line in filled]), JSON, rows


OTHER_TYPES = ["text/plain", "multipart/form-data", "application/csv", "x", b"\xff"]
NO_RECORDS = [1, None, {}, [1], [[]]]
NO_NAMES: list[Any] = [5, None, "abc", [["age"], "b"], [{}], [True]]
NO_NUMBERS = ["many", "1_0", True, "1,5", [1], {}, 1e39, -1e300, 10**400, np.inf]
NO_TEXTS = [True, 1.5, ["1"], {}, np.inf, "\ud800", 2**70]
NO_DATES = [20000, "31.01.2025", "2025-02-30", "today", True, [1], "2025-01-01T00:00+99:99"]
NO_BOOLEANS = ["yes", 2, 0.5, [True], {}, "2025-01-31"]


def wrong(dice: random.Random) -> tuple[bytes, Any]:
    """A body that has no meaning."""
    row: Row = {"age": 30, "income": 2e4, "code": "1", "since": "2025-01-31", "member": True}
    names, values = list(row), list(row.values())
    longer, shorter = [*values, dice.choice([None, "", 1])], values[: dice.randrange(3)]
    without = {name: row[name] for name in dice.sample(names, dice.randrange(3))}
    number, text = dice.choice(["age", "income"]), "code"
    makers: list[Callable[[], tuple[bytes, Any]]] = [
        lambda: (as_csv([names, values, longer]), CSV),
        lambda: (as_csv([names, shorter, values]), CSV),
        lambda: (as_csv([names[: dice.randrange(3)], values]), CSV),
        lambda: (as_csv([names]), CSV),
        lambda: (as_csv([[*names, number], [*values, 1]]), CSV),
        lambda: (as_csv([names, values]) + b'"', CSV),
        lambda: (as_csv([names, ["many", *values[1:]]]), CSV),
        lambda: (b"\n" + as_csv([names, values]), CSV),
        lambda: (as_csv([names, values]).replace(b",", dice.choice([b";", b"\t", b"|"])), CSV),
        lambda: (as_csv([names, values]), JSON),
        lambda: (as_records([row]), CSV),
        lambda: (as_records([row]), dice.choice(OTHER_TYPES)),
        lambda: (as_records([row]), "application/json; charset=utf-16"),
        lambda: (as_records([row]).decode().encode("utf-16"), JSON),
        lambda: (as_csv([names, [*values[:4], "naïve"]]).decode().encode("latin-1"), CSV),
        lambda: (as_split(names, [values, longer]), JSON),
        lambda: (as_split(names, [shorter, values]), JSON),
        lambda: (as_split([*names, number], [[*values, 1]]), JSON),
        lambda: (as_split(names, dice.choice([5, None, "abc", {"a": 1}, [1, 2, 3], []])), JSON),
        lambda: (as_split(dice.choice(NO_NAMES), [[1, 2]]), JSON),
        lambda: (as_records([row, without]), JSON),
        lambda: (as_records([without]), JSON),
        lambda: (as_records([]), JSON),
        lambda: (as_records([row | {number: dice.choice(NO_NUMBERS)}]), JSON),
        lambda: (as_records([row | {text: dice.choice(NO_TEXTS)}]), JSON),
        lambda: (as_records([row | {"since": dice.choice(NO_DATES)}]), JSON),
        lambda: (as_records([row | {"member": dice.choice(NO_BOOLEANS)}]), JSON),
        lambda: (as_csv([names, [*values[:3], "31.01.2025", "true"]]), CSV),
        lambda: (as_records([row])[: -dice.randrange(1, 60)], JSON),
        lambda: (as_records([row]).replace(b'"age"', b'"age": 3, "age"'), JSON),
        lambda: (b"[" * 10 ** dice.randrange(1, 6), JSON),
        lambda: (b'{"a":' * 10**5 + b"1" + b"}" * 10**5, JSON),
        lambda: (dice.choice([b"", b" ", b"null", b"1", b"[]", b"{}", b'"a"', b"\x00"]), JSON),
        lambda: (dice.choice([b"", b"\n\n", b"\x00", b'"', b"a\rb", b",,,\n1,2,3,4"]), CSV),
        lambda: (as_records(dice.choice(NO_RECORDS)), JSON),
    ]
    return dice.choice(makers)()


def test_what_is_right_is_predicted_row_by_row_and_what_is_wrong_is_told(asked):
    served, model = asked
    dice = random.Random(SEED)
    for number in range(BODIES):
        where = f"body {number} of seed {SEED}"
        if number % 2:
            body, kind, meant = right(dice)
            status, answer = served.post(body, kind)
            table = pd.DataFrame(meant, columns=list(COLUMNS))
            table["since"] = pd.to_datetime(table["since"], format="ISO8601", utc=True)
            expected = model.predict(table)
            predictions = expected.labels.tolist()
            assert (status, answer["predictions"]) == (200, predictions), (where, body, answer)
            probabilities = [[row["no"], row["yes"]] for row in answer["probabilities"]]
            assert probabilities == expected.probabilities.tolist(), (where, body, answer)
        else:
            body, kind = wrong(dice)
            status, answer = served.post(body, kind)
            assert status == 400, (where, kind, body[:300], answer)
            assert answer["error"].endswith("."), (where, answer)


def test_bytes_that_are_broken_anywhere_never_break_the_server(asked):
    served, _ = asked
    dice = random.Random(SEED)
    for number in range(BODIES):
        body, kind, _ = right(dice)
        broken = bytearray(body)
        for _ in range(dice.randrange(1, 4)):
            at = dice.randrange(len(broken))
            broken[at : at + dice.randrange(3)] = dice.randbytes(dice.randrange(3))
        status, answer = served.post(bytes(broken), kind)
        assert status in (200, 400), (number, SEED, bytes(broken), answer)


VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
NAME = st.sampled_from([*COLUMNS, "id"]) | VALUE
ROW = st.dictionaries(st.sampled_from([*COLUMNS, "id"]), VALUE) | VALUE
SENT = (
    VALUE
    | st.fixed_dictionaries({"dataframe_records": st.lists(ROW, max_size=4) | VALUE})
    | st.fixed_dictionaries(
        {
            "dataframe_split": st.fixed_dictionaries(
                {
                    "columns": st.just(list(COLUMNS)) | st.lists(NAME, max_size=4) | VALUE,
                    "data": st.lists(st.lists(VALUE, min_size=2, max_size=4) | VALUE, max_size=4),
                }
            )
        }
    )
)


@settings(
    max_examples=BODIES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(sent=SENT, content_type=st.none() | st.sampled_from([JSON, CSV]) | st.binary(max_size=20))
def test_any_json_is_predicted_or_told(asked, sent, content_type):
    status, answer = asked[0].post(json.dumps(sent).encode(), content_type)
    assert status in (200, 400)
    assert answer.get("error", ".").endswith(".")


@settings(max_examples=BODIES)
@given(body=st.binary() | st.text().map(str.encode), content_type=st.sampled_from([JSON, CSV]))
def test_any_bytes_are_told(asked, body, content_type):
    assert asked[0].post(body, content_type)[0] == 400
