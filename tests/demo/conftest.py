"""A camera server in a thread: FFmpeg blocks the test's own."""

from collections.abc import Iterator

import pytest

from belvedere.demo.rtsp import CameraServerThread


@pytest.fixture
def server() -> Iterator[CameraServerThread]:
    with CameraServerThread(timeout_s=10) as running:
        yield running
