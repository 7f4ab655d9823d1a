"""Every answer carries the header set: pages, API, errors, redirects, files. N38."""

import re
from typing import Any, Final

import pytest
from django.core.management import call_command
from django.test import Client, override_settings

from invariants.conftest import World
from invariants.surface import ROUTES
from invariants.test_page_rules import PAGES, request

SET: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex",
}
SCRIPT: Final = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'"
#: of what it shows, the app's worker loads icon and picture
WORKER: Final = f"{SCRIPT}; img-src 'self'"
NOT_A_PAGE: Final = "default-src 'none'; frame-ancestors 'none'; sandbox"


def has_the_set(answer: Any) -> bool:
    """Whether every header of the set is there, and the policy fits what was sent."""
    headers = answer.headers
    assert "camera=(self)" in headers["Permissions-Policy"]
    assert "Server" not in headers
    assert "no-store" in headers["Cache-Control"]
    policy = headers["Content-Security-Policy"]
    if headers.get("Content-Type", "").startswith("text/html"):
        assert re.search(r"script-src 'self' 'nonce-[A-Za-z0-9_-]{22}'", policy)
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
    elif headers.get("Content-Type", "").startswith("text/javascript"):
        # It governs the worker that is made of it.
        assert policy == (WORKER if answer.request["PATH_INFO"] == "/service-worker.js" else SCRIPT)
    else:
        assert policy == NOT_A_PAGE
    return {name: headers.get(name) for name in SET} == SET


@pytest.mark.parametrize("name", ["anonymous", "olivia", "xena"])
def test_every_route_and_status(world: World, name: str) -> None:
    """200, 201, 302, 401, 403, 404, 405, 409, 422, 503: no answer without them."""
    client = world.by_session(name)
    seen = set()
    for operation in ROUTES:
        answer = world.call(client, operation)
        assert has_the_set(answer), operation
        seen.add(answer.status_code)
    for row in PAGES:
        answer = request(world.by_session(name), row, world.ids)
        assert has_the_set(answer), row
        seen.add(answer.status_code)
        other = client.put(f"/{row[1]}")
        assert has_the_set(other)
        seen.add(other.status_code)
    for address in ("/nothing", "/api/v1/nothing", "/api/v1/", "/static/nothing.js", "/%00", "/api/v1/cameras/%00"):
        assert has_the_set(client.get(address)), address
    assert seen >= ({302, 401, 404} if name == "anonymous" else {200, 302, 404, 405})


def test_refusals_of_the_frame_itself(world: World) -> None:
    """A foreign Host, a missing form token, too many calls, a broken handler."""
    client = world.by_session("olivia")
    foreign = client.get("/", headers={"Host": "evil.example"})
    assert foreign.status_code == 421
    assert has_the_set(foreign)
    strict = Client(enforce_csrf_checks=True)
    assert has_the_set(strict.post("/sign-in", {}))
    with override_settings(ROOT_URLCONF="invariants.broken_urls"):
        broken = Client(raise_request_exception=False).get("/healthz")
        assert (broken.status_code, has_the_set(broken)) == (500, True)
        broken = Client(raise_request_exception=False).get("/api/v1/broken")
        assert (broken.status_code, has_the_set(broken)) == (500, True)
        assert broken.json()["code"] == "server_error"
        assert "canary" not in broken.content.decode()


def test_too_many_calls(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("belvedere.control.api.auth.CALLS_A_MINUTE", 2)
    client = world.by_token("vera")
    answers = [client.get("/api/v1/me") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
    assert all(has_the_set(answer) for answer in answers)
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60


def test_errors_under_the_api_are_problem_documents(world: World) -> None:
    client = world.by_session("olivia")
    for answer, status in (
        (client.get("/api/v1/nothing"), 404),
        (client.get("/api/v1/"), 404),
        (client.put("/api/v1/cameras", "{}", content_type="application/json"), 405),
        (client.get("/api/v1/me", headers={"Host": "evil.example"}), 421),
        (Client().get("/api/v1/me"), 401),
    ):
        assert answer.status_code == status
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["status"] == status
        assert set(answer.json()) >= {"type", "title", "status", "code", "detail"}


async def _get(application: Any, path: str) -> tuple[int, dict[str, str]]:
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
        "scheme": "http",
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 8000),
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await application(scope, receive, send)
    start = sent[0]
    return start["status"], {key.decode().title(): value.decode() for key, value in start["headers"]}


def test_files_carry_it_too(tmp_path: Any) -> None:
    """Scripts carry a policy of their own: it governs workers."""
    import asyncio

    with override_settings(STATIC_ROOT=tmp_path):
        call_command("collectstatic", interactive=False, verbosity=0)
        from belvedere.control.asgi import build_application

        application = build_application()
        status, headers = asyncio.run(_get(application, "/static/belvedere/js/page.js"))
        assert status == 200
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
        assert "Access-Control-Allow-Origin" not in headers
        assert "Server" not in headers
        status, headers = asyncio.run(_get(application, "/static/../belvedere.sqlite3"))
        assert status == 404
        assert headers["X-Content-Type-Options"] == "nosniff"
