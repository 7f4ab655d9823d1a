"""The control process: pages, API, and answers on the bus."""

from concurrent.futures import ThreadPoolExecutor

import uvicorn

from belvedere.config import Settings
from belvedere.control.manage import setup

BUS_THREADS = 4


def run_control(settings: Settings) -> None:
    """Serve until SIGTERM. Blocks. Raises ConfigError, BusError."""
    setup(settings)
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
