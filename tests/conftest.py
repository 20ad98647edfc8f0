"""What every test may ask for: the engines of the run."""

import pytest

from tests.engines import Run, SharedEngines, shared_engines

_RUN = pytest.StashKey[Run]()


def pytest_configure(config: pytest.Config) -> None:
    """Only the controlling process of a run owns it; workers of pytest-xdist find it in their environment."""
    if not hasattr(config, "workerinput"):
        config.stash[_RUN] = Run()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the engines, if any test asked for them."""
    run = config.stash.get(_RUN, None)
    if run is not None:
        run.close()


@pytest.fixture(scope="session")
def engines() -> SharedEngines:
    """PostgreSQL's admin URL and Kafka's address, shared by all tests: name your databases and topics yourself."""
    return shared_engines()
