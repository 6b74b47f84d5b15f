"""The store as a Dagster resource."""

from mlops_assets.data.store import Store

# One object for all models: Dagster merges the resources of components only when they are the same.
# A plain object: a resource with fields could be pointed elsewhere by the run config of any run.
STORE = Store()
