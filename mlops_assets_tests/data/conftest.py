"""Servers that several test modules of the data layer share."""

import pytest

from mlops_assets_tests.servers import postgres, s3_endpoint


@pytest.fixture(scope="session")
def postgres_url():
    with postgres() as url:
        yield url


@pytest.fixture(scope="session")
def s3():
    with s3_endpoint("incoming") as url:
        yield url
