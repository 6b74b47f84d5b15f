"""Keeps a machine-learning model in production right by itself, as Dagster assets."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlops_assets.component import ModelLifecycle

__all__ = ["ModelLifecycle"]


def __getattr__(name: str) -> Any:
    """Import the component on first use: the domain packages work in a notebook without Dagster."""
    if name == "ModelLifecycle":
        from mlops_assets.component import ModelLifecycle

        return ModelLifecycle
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Dagster finds a package's components by looking at its names."""
    return sorted({*globals(), *__all__})
