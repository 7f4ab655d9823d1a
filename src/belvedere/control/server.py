"""The control process: pages, API, and answers on the bus."""

import logging
from concurrent.futures import ThreadPoolExecutor

import uvicorn

from belvedere.config import Settings
from belvedere.control.manage import setup

BUS_THREADS = 4


def hear_faults_only() -> None:
    """Log what broke, not what was answered: a 404, or the 503 of a probe, is no event worth a line.

    What matters of refusals is in the audit. What strangers can cause at will gets its line, but no traceback.
    """

    def shorten(record: logging.LogRecord) -> bool:
        record.exc_info = None
        return True

    request = logging.getLogger("django.request")
    request.setLevel(logging.ERROR)
    request.addFilter(lambda record: bool(record.exc_info))
    logging.getLogger("django.security.DisallowedHost").addFilter(shorten)


def run_control(settings: Settings) -> None:
    """Serve until SIGTERM. Blocks. Raises ConfigError, BusError."""
    setup(settings)
    hear_faults_only()
    from belvedere.control.asgi import build_application
    from belvedere.control.listening import connect, listen

    line = connect(settings, "control")
    executor = ThreadPoolExecutor(BUS_THREADS, thread_name_prefix="bus")
    listen(line, executor)
    config = uvicorn.Config(
        build_application(),
        host=settings.host,
        port=settings.port,
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=3,
        h11_max_incomplete_event_size=16 * 1024,
    )
    try:
        uvicorn.Server(config).run()
    finally:
        line.close()
        executor.shutdown(wait=False, cancel_futures=True)
