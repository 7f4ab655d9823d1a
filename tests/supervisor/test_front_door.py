"""`serve --https`: the real Caddy before both planes, met as a browser meets it: by its name and its authority."""

import asyncio
import json
import os
import re
import signal
import stat
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from websockets.asyncio.client import connect

from belvedere.config import ConfigError, Settings, is_public_name
from belvedere.demo.clips import test_clip
from belvedere.demo.rtsp import CameraServerThread
from belvedere.supervisor.authority import ensure_authority, fingerprint, read_authority
from belvedere.supervisor.front_door import configuration
from supervisor.behind_the_door import Door
from supervisor.commands import PASSWORD, add_camera, create_owner, run
from supervisor.processes import command_of, is_alive, until

SET = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
    "x-robots-tag": "noindex",
}


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    opened = Door(tmp_path / "data")
    try:
        opened.served.wait_ready()
        opened.wait()
        yield opened
    finally:
        opened.served.clear_away()


@pytest.mark.slow
def test_one_address_for_both_planes(door: Door) -> None:
    """One story, because a start costs seconds."""
    says_how_to_trust_it(door)
    keeps_to_itself(door)
    leads_plain_http_to_https(door)
    changes_no_header(door)
    knows_no_other_name(door)
    leaves_tricks_to_the_planes(door)
    believes_nobodys_forwarded_for(door)
    shows_live_video_through_it(door)
    is_looked_over_by_the_doctor(door)
    comes_back_when_it_dies(door)
    stands_while_a_plane_is_away(door)
    ends_with_the_rest(door)


def says_how_to_trust_it(door: Door) -> None:
    until(lambda: "SHA-256" in door.served.said, "the fingerprint")
    authority = read_authority(door.served.folder / "front-door")
    assert authority
    assert fingerprint(authority) in door.served.said
    assert f"{door.url}/trust" in door.served.said


def keeps_to_itself(door: Door) -> None:  # N37
    folder = door.served.folder / "front-door"
    open_ones = [path for path in [folder, *folder.rglob("*")] if stat.S_IMODE(path.stat().st_mode) & 0o077]
    assert open_ones == []
    assert stat.S_IMODE((door.served.folder / "run" / "front-door.json").stat().st_mode) == 0o600
    said = json.loads((door.served.folder / "run" / "front-door.json").read_text())
    assert said["admin"]["disabled"] is True


def leads_plain_http_to_https(door: Door) -> None:
    answer = httpx.get(f"http://localhost:{door.http}/cameras/x?y=1", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.headers["Location"]) == (308, f"{door.url}/cameras/x?y=1")
    assert {name: answer.headers.get(name) for name in SET} == SET
    assert "Server" not in answer.headers


def changes_no_header(door: Door) -> None:  # N38
    of_the_way = ("date", "expires", "connection", "content-length", "set-cookie", "transfer-encoding", "upgrade")

    def headers_of(answer: httpx.Response) -> dict[str, str]:
        nonce = re.compile(r"'nonce-[^']+'")
        kept = {name: nonce.sub("", value) for name, value in answer.headers.items()}
        for name in of_the_way:
            kept.pop(name, None)
        return kept

    host = {"Host": f"localhost:{door.https}"}
    with door.client() as through:
        for port, path in (
            (door.served.port, "/sign-in"),
            (door.served.port, "/nothing"),
            (door.served.port, "/api/v1/me"),
            (door.served.port, "/"),
            (door.served.media_port, "/media/v1/open"),
            (door.served.media_port, "/media/v1/live"),
        ):
            direct = httpx.get(f"http://127.0.0.1:{port}{path}", headers=host | {"X-Forwarded-Proto": "https"})
            passed = through.get(path)
            assert passed.status_code == direct.status_code, path
            assert headers_of(passed) == headers_of(direct), path
            assert {name: passed.headers.get(name) for name in SET} == SET, path
            assert "Server" not in passed.headers
            # No promise for a year by a name that is nobody's.
            assert "Strict-Transport-Security" not in passed.headers
    with door.client() as newcomer:
        page = newcomer.get("/sign-in")
        assert page.headers["Set-Cookie"].startswith("__Host-bv=")
        assert "; Secure" in page.headers["Set-Cookie"]
        assert f"wss://localhost:{door.https}" in page.headers["Content-Security-Policy"]


def knows_no_other_name(door: Door) -> None:  # N39
    with door.client() as client:
        answer = client.get("/", headers={"Host": "evil.example"})
        assert answer.status_code == 421
        assert {name: answer.headers.get(name) for name in SET} == SET


def leaves_tricks_to_the_planes(door: Door) -> None:  # N19
    async def status_of(target: str) -> int:
        reader, writer = await asyncio.open_connection("localhost", door.https, ssl=door.trust)
        try:
            head = f"GET {target} HTTP/1.1\r\nHost: localhost:{door.https}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode())
            return int((await reader.readline()).split()[1])
        finally:
            writer.close()

    tricks = (
        *(
            "//media/",
            "//media/v1/open",
            "/media/../api/v1/me",
            "/media/%2e%2e/api/v1/me",
            "/%6dedia/",
            "/%6dedia/v1/open",
        ),
        *(
            "/media//v1/open",
            "/media/./v1/open",
            "/media/v1/../v1/open",
            "/MEDIA/v1/open",
            "/media%2fv1/open",
            "/media/",
        ),
        *("/media/healthz", "/media/metrics", "/media/v1/open/", f"https://localhost:{door.https}//media/v1/open"),
    )
    assert {trick: asyncio.run(status_of(trick)) for trick in tricks} == dict.fromkeys(tricks, 404)


def believes_nobodys_forwarded_for(door: Door) -> None:  # N39
    """Limits are by the address one comes from, whatever one says of oneself; and not by that of the door."""

    def is_let_try(address: str, forged: str) -> bool:
        with door.client(address) as client:
            token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', client.get("/sign-in").text)
            assert token
            body = {"login": f"{forged}@example.org", "password": "wrong", "csrfmiddlewaretoken": token[1]}
            headers = {
                "Origin": door.url,
                "X-Forwarded-For": forged,
                "X-Real-IP": forged,
                "Forwarded": f"for={forged}",
            }
            answer = client.post("/sign-in", data=body, headers=headers)
            return answer.status_code == 200 and "Too many" not in answer.text

    # Refused sooner or later: where the minute is over in between, the count begins anew; so there are twice as many.
    assert is_let_try("127.0.0.2", "203.0.113.1")
    assert any(not is_let_try("127.0.0.2", f"203.0.113.{number}") for number in range(2, 66))
    assert is_let_try("127.0.0.3", "203.0.113.99")
    with door.client() as client:  # figures are for who is on this machine and comes past the door
        assert client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 401


def sign_in(door: Door) -> httpx.Client:
    client = door.client()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', client.get("/sign-in").text)
    assert token
    body = {"login": "olivia@example.org", "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
    assert client.post("/sign-in", data=body, headers={"Origin": door.url}).status_code == 302
    return client


def shows_live_video_through_it(door: Door) -> None:
    made = create_owner(door.served.folder, "olivia@example.org", reach="127.0.0.0/8")
    assert made.returncode == 0, made.stderr
    with CameraServerThread() as cameras, closing(sign_in(door)) as olivia:
        cameras.add("/gate", test_clip())
        added = add_camera(door.served.folder, cameras.url("/gate"), "--owner", "olivia@example.org", "--json")
        assert added.returncode == 0, added.stderr
        camera = json.loads(added.stdout)["camera"]
        page = olivia.get(f"/cameras/{camera}")
        token = re.search(r'name="csrf-token" content="([^"]+)"', page.text)
        assert token
        headers = {"Origin": door.url, "X-CSRFToken": token[1]}
        body = {"kind": "live", "quality": "main"}
        opened = olivia.post(f"/api/v1/cameras/{camera}/tickets", json=body, headers=headers)
        assert opened.status_code == 201, opened.text
        url = opened.json()["url"]
        assert url.startswith(f"wss://localhost:{door.https}/media/v1/live?ticket=")
        texts, sizes = asyncio.run(watch(door, url, 10))
        assert "init" in [text["type"] for text in texts]  # where the camera is not there yet, that is said first
        assert len(sizes) == 10
        ticket = url.partition("ticket=")[2]
        assert ticket not in door.served.said  # N37


async def watch(door: Door, url: str, count: int) -> tuple[list[Any], list[int]]:
    """Texts and sizes of the fragments, until so many of these came."""
    texts: list[Any] = []
    sizes: list[int] = []
    async with asyncio.timeout(60), connect(url, ssl=door.trust, origin=door.url, max_size=None) as socket:  # type: ignore[arg-type]  # an Origin is a str
        while len(sizes) < count:
            message = await socket.recv()
            if isinstance(message, str):
                texts.append(json.loads(message))
            else:
                sizes.append(len(message))
    return texts, sizes


def is_looked_over_by_the_doctor(door: Door) -> None:
    looked = run(door.served.folder, "doctor", "--json", **door.env)
    found = {row["what"]: row for row in json.loads(looked.stdout)["findings"]}
    assert (found["door"]["health"], found["origin"]["health"]) == ("ok", "ok"), found
    assert "its own authority" in found["door"]["says"]


def comes_back_when_it_dies(door: Door) -> None:
    def door_process() -> int:
        return door.served.role("front-door.json")

    first = door_process()
    assert "caddy" in command_of(first)
    os.kill(first, signal.SIGKILL)
    until(lambda: not is_alive(first), "its end")
    door.wait()
    assert door_process() != first


def stands_while_a_plane_is_away(door: Door) -> None:
    os.kill(door.served.role("serve control"), signal.SIGKILL)
    with door.client() as client:

        def away() -> httpx.Response | None:
            answer = client.get("/readyz")
            return answer if answer.status_code == 502 else None

        answer = until(away, "its absence", 10)
        assert answer
        assert {name: answer.headers.get(name) for name in SET} == SET
        assert answer.headers["Retry-After"] == "2"
    door.wait()


def ends_with_the_rest(door: Door) -> None:
    caddy = door.served.role("front-door.json")
    assert door.served.end() == 0
    assert not is_alive(caddy)
    assert "Traceback" not in door.served.said


# ── Without a door that stands ───────────────────────────────────────────────────────────────────────────────────────


def settings(**env: str) -> Settings:
    return Settings.from_env({"BELVEDERE_DATA": "/nowhere"} | {f"BELVEDERE_{name}": text for name, text in env.items()})


def test_the_door_decides_the_addresses() -> None:
    public = settings(HTTPS="Cameras.Example.org")
    assert (public.url, public.media_url) == ("https://cameras.example.org", "wss://cameras.example.org")
    assert (public.host, public.trusted_proxies) == ("127.0.0.1", "127.0.0.1/32")
    assert (public.has_public_name, public.has_own_authority, public.door_host) == (True, False, "")
    home = settings(HTTPS="nas.local", HTTPS_PORT="8443")
    assert (home.url, home.has_public_name, home.has_own_authority) == ("https://nas.local:8443", False, True)
    assert settings(HTTPS="192.168.1.4").has_own_authority
    assert settings(HTTPS="localhost").door_host == "127.0.0.1"
    # What it decides may be repeated, as `serve` does for its children.
    assert settings(HTTPS="nas.local", URL="https://nas.local", TRUSTED_PROXIES="127.0.0.1/32").https == "nas.local"


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"HTTPS": "https://nas.local"}, "a name or an IPv4 address"),
        ({"HTTPS": "nas_local"}, "a name or an IPv4 address"),
        ({"HTTPS": "192.168.1.400"}, "a name or an IPv4 address"),
        ({"HTTPS": "::1"}, "a name or an IPv4 address"),
        ({"HTTPS": "nas.local", "URL": "http://nas.local"}, "makes BELVEDERE_URL https://nas.local"),
        ({"HTTPS": "nas.local", "HOST": "0.0.0.0"}, "makes BELVEDERE_HOST 127.0.0.1"),
        ({"HTTPS": "nas.local", "TRUSTED_PROXIES": "10.0.0.0/8"}, "makes BELVEDERE_TRUSTED_PROXIES"),
        ({"HTTPS": "nas.local", "HTTP_PORT": "443"}, "must all differ"),
    ],
)
def test_what_contradicts_the_door_is_said(env: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        settings(**env)


@pytest.mark.parametrize("name", ["localhost", "nas", "nas.local", "nas.lan", "10.0.0.1", "::1", "nas.home.arpa", ""])
def test_names_of_one_network_are_not_public(name: str) -> None:
    assert not is_public_name(name)


def test_a_public_name_is_vouched_for_in_public() -> None:
    made = configuration(settings(HTTPS="cameras.example.org"))
    policy = made["apps"]["tls"]["automation"]["policies"][0]
    assert policy == {"subjects": ["cameras.example.org"], "issuers": [{"module": "acme"}]}
    assert "pki" not in made["apps"]


def test_its_authority_is_good_for_one_name_alone(tmp_path: Path) -> None:
    first = ensure_authority(tmp_path / "door", "nas.local")
    constraints = first.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    assert constraints.value.permitted_subtrees == [x509.DNSName("nas.local")]
    assert len(constraints.value.excluded_subtrees or []) == 2  # of addresses, none
    assert first.not_valid_after_utc.year - datetime.now(UTC).year >= 9
    assert stat.S_IMODE((tmp_path / "door" / "root.key").stat().st_mode) == 0o600
    # Kept from one start to the next, and made anew for another name: who trusted it trusted it for that name.
    assert ensure_authority(tmp_path / "door", "nas.local") == first
    other = ensure_authority(tmp_path / "door", "192.168.1.4")
    assert fingerprint(other) != fingerprint(first)
    (tmp_path / "door" / "root.crt").write_text("broken")
    assert fingerprint(ensure_authority(tmp_path / "door", "192.168.1.4")) != fingerprint(other)
