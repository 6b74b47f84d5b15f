"""`mlops-assets explain` on the demo's days."""

import pytest

from mlops_assets.cli import main


@pytest.fixture
def explained(demo_days, capsys):
    def run(day, *more):
        with demo_days.environment():
            code = main(["explain", "iris", day, *more])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


@pytest.mark.parametrize(
    ("day", "headline"),
    [
        ("2026-01-01", "skipped: no drift; 300 of 300 rows with a label"),
        ("2026-01-02", "promoted: version 2, compared with version 1 in production"),
        ("2026-01-03", "skipped: drift, regime 2026-01-02"),
        ("2026-01-04", "rejected: version 3, compared with version 2 in production"),
        ("2026-01-05", "quarantined: 300 rows"),
        ("2026-01-06", "held, its delivery looks broken; 300 of 300 rows with a label"),
        ("2026-01-07", "nothing is known of 2026-01-07"),
    ],
)
def test_each_day_is_told(explained, day, headline):
    code, said, _ = explained(day)
    assert code == 0
    assert said.startswith(f"iris {day}: {headline}")


def test_a_decision_is_printed_with_all_that_it_was_made_from(explained, demo_days):
    _, said, _ = explained("2026-01-04")
    decided = demo_days.life.journal.decided("2026-01-04")
    assert all(reason in said for reason in decided.reasons)
    assert all(digest in said for digest in decided.data_hashes.values())
    assert [line.split("│")[4].strip() for line in said.splitlines() if "better_than" in line] == [
        "no"
    ]
    assert "The gate says the same to the stored evidence and policy." in said


def test_a_decision_that_does_not_hold_is_exit_code_1(fork, capsys):
    loop = fork()
    kept = loop.store.record("iris", "production_model", "2026-01-02")
    kept["evidence"]["improvement"] = -1.0
    loop.store.write_record("iris", "production_model", "2026-01-02", kept)
    with loop.environment():
        assert main(["explain", "iris", "2026-01-02"]) == 1
    assert "rejected in place of promoted" in capsys.readouterr().out


def test_neither_mlflow_nor_a_home_is_made_by_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MLOPS_HOME", str(tmp_path / "empty"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert main(["explain", "iris", "2026-01-02"]) == 0
    assert "nothing is known of 2026-01-02" in capsys.readouterr().out
    assert not (tmp_path / "empty").exists()


def test_what_is_no_day_is_exit_code_1(explained):
    code, _, said = explained("2026-13-01")
    assert code == 1
    assert "'2026-13-01' is not a day" in said
