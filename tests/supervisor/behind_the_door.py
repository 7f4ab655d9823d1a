"""An installation met as browsers meet it: by its name, over https, through its front door."""

import ssl
from pathlib import Path

import httpx

from supervisor.processes import Served, two_free_ports, until


class Door:
    """An installation behind its front door on loopback, and clients that trust its authority."""

    def __init__(self, folder: Path) -> None:
        self.https, self.http = two_free_ports()
        self.env = {"BELVEDERE_HTTPS_PORT": str(self.https), "BELVEDERE_HTTP_PORT": str(self.http)}
        self.served = Served(folder, "serve", "--https", "localhost", **self.env)
        self.env |= {"BELVEDERE_HTTPS": "localhost", "BELVEDERE_PORT": str(self.served.port)}
        self.url = f"https://localhost:{self.https}"

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.served.folder / "front-door" / "root.crt")

    def client(self, address: str = "127.0.0.1") -> httpx.Client:
        """Somebody who comes from this address of loopback."""
        transport = httpx.HTTPTransport(verify=self.trust, local_address=address)
        return httpx.Client(base_url=self.url, transport=transport, timeout=60)

    def wait(self) -> None:
        """Until the door leads to both planes."""

        def leads() -> bool:
            try:
                with self.client() as asking:
                    return asking.get("/readyz").status_code == 200 and asking.get("/media/v1/open").status_code != 502
            except (httpx.TransportError, OSError):
                return False

        until(leads, f"the door: {self.served.said}")
