"""Tests of the control plane commit for real: what happens after a commit is half of what it does."""

import pytest
from django.core.cache import cache

import cast


@pytest.fixture
def people(transactional_db: None) -> cast.Cast:
    """The cast."""
    cache.clear()
    return cast.gather()
