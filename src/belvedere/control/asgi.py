"""Django as WSGI in a fixed pool of threads, static files before it (ADR 0010).

Django's own ASGI handler opens a database connection per request; threads of a pool keep theirs.
"""

from typing import Any

from a2wsgi import WSGIMiddleware
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from servestatic import ServeStaticASGI

from belvedere.control.web.middleware import set_headers

django_application = get_wsgi_application()

type Scope = dict[str, Any]


def _static_headers(headers: Any, _path: str, _url: str) -> None:
    """Scripts carry a policy too: it governs workers. Hashed names never change."""
    headers["Content-Security-Policy"] = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'"
    headers["Cache-Control"] = headers.get("Cache-Control") or "public, max-age=60"
    set_headers(headers, nonce="", is_page=False)


def build_application() -> Any:
    """The whole of control as one ASGI application."""
    pool = WSGIMiddleware(django_application, workers=settings.BELVEDERE.threads)  # type: ignore[arg-type]  # Django's answer is iterable, its stubs say less
    files = ServeStaticASGI(
        None,
        root=str(settings.STATIC_ROOT),
        prefix="static",
        add_headers_function=_static_headers,
        immutable_file_test=r"^.+\.[0-9a-f]{12}\..+$",
        allow_all_origins=False,
    )

    async def application(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http" and scope["path"].startswith("/static/"):
            await files(scope, receive, send)
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
