"""Providers that outlive every dispatcher that is killed."""

from collections.abc import Iterator

import pytest

from tests.support.providers import Providers, running_providers


@pytest.fixture(scope="session")
def providers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Providers]:
    """The servers of this test process; their journals hold what all its tests have sent."""
    with running_providers(tmp_path_factory.mktemp("providers")) as running:
        yield running
