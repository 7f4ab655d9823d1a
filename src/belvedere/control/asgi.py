"""Django as WSGI in a fixed pool of threads, static files before it (ADR 0010).

Django's own ASGI handler opens a database connection per request; threads of a pool keep theirs.
"""

from typing import Any

from a2wsgi import WSGIMiddleware
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from servestatic import ServeStaticASGI

from belvedere.control.web.middleware import SCRIPT_POLICY, set_headers

django_application = get_wsgi_application()

type Scope = dict[str, Any]


def _with_headers(send: Any) -> Any:
    """Files carry the header set, and so does the word that there is none. A script's policy governs its workers."""

    async def send_with_headers(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            headers = {name.decode("latin-1").title(): value.decode("latin-1") for name, value in message["headers"]}
            headers.setdefault("Content-Security-Policy", SCRIPT_POLICY)
            set_headers(headers, nonce="", is_page=False)
            pairs = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
            message = {**message, "headers": pairs}
        await send(message)

    return send_with_headers


def build_application() -> Any:
    """The whole of control as one ASGI application."""
    pool = WSGIMiddleware(django_application, workers=settings.BELVEDERE.threads)  # type: ignore[arg-type]  # Django's answer is iterable, its stubs say less
    files = ServeStaticASGI(
        None,
        root=str(settings.STATIC_ROOT),
        prefix="static",
        max_age=60,
        immutable_file_test=r"^.+\.[0-9a-f]{12}\..+$",
        allow_all_origins=False,
    )

    async def application(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http" and scope["path"].startswith("/static/"):
            await files(scope, receive, _with_headers(send))
        elif scope["type"] == "http":
            await pool(scope, receive, send)  # type: ignore[arg-type]  # narrowed by its type two lines above
        else:
            # No WebSocket of ours is here: video has its own address.
            await send({"type": "websocket.close", "code": 4404})

    return application


async def _live(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
