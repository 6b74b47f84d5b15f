"""Where the commands look for models."""

import pytest

from mlops_assets import settings
from mlops_assets.errors import UserError
from mlops_assets.local.defs_folder import defs_folder


def test_a_checkout_has_its_own(tmp_path):
    assert (defs_folder(None, "explain NAME DAY") / "iris" / "defs.yaml").is_file()
    assert defs_folder(tmp_path, "explain NAME DAY") == tmp_path


def test_an_installed_package_asks_for_the_projects(monkeypatch):
    monkeypatch.setattr(settings, "in_checkout", lambda: False)
    with pytest.raises(UserError, match="mlops-assets explain NAME DAY --defs my_project/defs"):
        defs_folder(None, "explain NAME DAY")


def test_a_folder_that_is_none_is_refused(tmp_path):
    with pytest.raises(UserError, match="is not a folder"):
        defs_folder(tmp_path / "nowhere", "explain NAME DAY")
