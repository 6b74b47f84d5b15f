"""The engines that there are here, for tests of each."""

from importlib.util import find_spec

import pytest

NEEDS_PYCARET = pytest.mark.skipif(find_spec("pycaret") is None, reason="PyCaret is not installed")
ENGINES = [pytest.param("pycaret", marks=NEEDS_PYCARET), "sklearn"]
