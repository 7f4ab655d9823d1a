"""Loopback only, ports that nobody has, and whatever a test started is gone when it ends."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
