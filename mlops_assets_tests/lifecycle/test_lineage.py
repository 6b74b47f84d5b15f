"""Whether the decision on a day stands, where its dataset is gone or cannot be read."""

from types import SimpleNamespace

import pytest

from mlops_assets.drift.regimes import DecisionRecord
from mlops_assets.errors import UserError
from mlops_assets.lifecycle.journal import Journal
from mlops_assets.lifecycle.life import Life
from mlops_assets.lifecycle.lineage import decided_before
from mlops_assets.lifecycle.memory import MemoryRegistry, MemoryStore
from mlops_assets_tests.examples import iris_spec

DAY = "2026-01-02"
RECORD = DecisionRecord(partition=DAY, decision="rejected", regime=DAY, regime_rows=100)


class Unreadable(MemoryStore):
    """Answers for its tables with an error."""

    def read(self, model, asset, partition):
        raise UserError("the disk has failed")


@pytest.fixture(autouse=True)
def decided(monkeypatch):
    """The day was decided on, with a hundred labelled rows."""
    monkeypatch.setattr(Journal, "decided", lambda *_: SimpleNamespace(record=RECORD))


def life_on(store) -> Life:
    return Life(iris_spec(), store, MemoryRegistry("iris"))


def test_where_the_dataset_is_gone_the_decision_stands():
    assert "was decided on before" in decided_before(life_on(MemoryStore()), DAY, 120)


def test_where_it_cannot_be_read_nothing_is_said_of_the_decision():
    with pytest.raises(UserError, match="the disk has failed"):
        decided_before(life_on(Unreadable()), DAY, 120)
