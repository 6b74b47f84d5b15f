"""What a table must look like: derived from the baseline, and checked on every batch.

``rules`` is the contract itself and what the YAML can say of it; ``derive`` reads it off a
baseline, unless ``problems`` finds that baseline unusable; ``check`` holds a table against it, and
``column`` one column; ``tell`` has the words.

What a table shows that the contract does not know is impossible (a ``ContractViolation``), or
unusual (a note): harmless by itself, and for the drift report to judge.
"""

from mlops_assets.data.contract.check import Checked, check
from mlops_assets.data.contract.derive import derive_contract
from mlops_assets.data.contract.problems import MIN_BASELINE_ROWS
from mlops_assets.data.contract.rules import (
    ColumnContract,
    ColumnOverrides,
    Contract,
    ContractOverrides,
)
from mlops_assets.data.contract.tell import ContractViolation, Violation

__all__ = [
    "MIN_BASELINE_ROWS",
    "Checked",
    "ColumnContract",
    "ColumnOverrides",
    "Contract",
    "ContractOverrides",
    "ContractViolation",
    "Violation",
    "check",
    "derive_contract",
]
