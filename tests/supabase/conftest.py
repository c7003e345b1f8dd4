"""A server with projects of Supabase's kinds, and one with the schema for tests that only look."""

from collections.abc import Iterator

import pytest

from flowctl import migrate
from tests.support.supabase import Kind, Project, Supabase, supabase


@pytest.fixture(scope="session")
def server() -> Iterator[Supabase]:
    """The server of these tests."""
    with supabase() as running:
        yield running


@pytest.fixture(params=list(Kind))
def project(request: pytest.FixtureRequest, server: Supabase) -> Iterator[Project]:
    """A project without our schema, of each kind, for this test alone."""
    with server.project(request.param) as made:
        yield made


@pytest.fixture
def applied(project: Project) -> Project:
    """A project of each kind that has the schema."""
    with project.connect() as connection:
        migrate.apply(connection)
    return project
