"""Eclipse Mosquitto, the broker most panels talk through, and a panel made of its own command-line clients."""

import asyncio
import datetime as dt
import hashlib
import ipaddress
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from belvedere.config import free_port
from belvedere.contracts.panels import PanelSource

USER, PASSWORD = "panel", "pä$$ 'w\"ord#"
STATE, COMMAND, AVAILABLE = "home/alarm", "home/alarm/set", "home/alarm/available"


def make_certificate(folder: Path, *, names: tuple[str, ...] = ("localhost",)) -> tuple[str, str]:
    """A certificate that is its own authority, for these names; its PEM and SHA-256."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    (folder / "broker.crt").write_bytes(pem)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "broker.key").write_bytes(secret)
    return pem.decode(), hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()


def _general_name(name: str) -> x509.GeneralName:
    with suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(name))
    return x509.DNSName(name)


@dataclass
class Broker:
    """One mosquitto with a plain and a TLS listener, users, and topics that only some may read."""

    folder: Path
    names: tuple[str, ...] = ("localhost",)
    port: int = field(default_factory=free_port)
    tls_port: int = field(default_factory=free_port)
    ca: str = ""
    fingerprint: str = ""
    _process: asyncio.subprocess.Process | None = None

    def prepare(self) -> None:
        """Write what it reads."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ca, self.fingerprint = make_certificate(self.folder, names=self.names)
        passwords = self.folder / "passwords"
        passwords.touch(mode=0o600)
        subprocess.run(["mosquitto_passwd", "-b", passwords, USER, PASSWORD], check=True, capture_output=True)
        (self.folder / "acl").write_text(f"user {USER}\ntopic readwrite home/#\n", encoding="utf-8")
        (self.folder / "mosquitto.conf").write_text(
            f"user root\nper_listener_settings false\nallow_anonymous false\npassword_file {passwords}\n"
            f"acl_file {self.folder}/acl\npersistence false\nlog_dest stderr\n"
            f"listener {self.port} 127.0.0.1\n"
            f"listener {self.tls_port} 127.0.0.1\n"
            f"certfile {self.folder}/broker.crt\nkeyfile {self.folder}/broker.key\n",
            encoding="utf-8",
        )

    async def start(self) -> None:
        """Run it; returns when it answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                "mosquitto", "-v", "-c", str(self.folder / "mosquitto.conf"), stdout=log, stderr=log
            )
        async with asyncio.timeout(10):
            for port in (self.port, self.tls_port):
                while True:
                    with suppress(OSError):
                        _, writer = await asyncio.open_connection("127.0.0.1", port)
                        writer.close()
                        break
                    await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """End it at once."""
        if self._process and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def log(self) -> str:
        """What it wrote."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def source(self, *, is_tls: bool = True, **more: object) -> PanelSource:
        """How a node gets in."""
        fields = {
            "host": "localhost",
            "port": self.tls_port if is_tls else self.port,
            "is_tls": is_tls,
            "username": USER,
            "password": PASSWORD,
            "state_topic": STATE,
            "command_topic": COMMAND,
            "availability_topic": AVAILABLE,
            "networks": [("127.0.0.0/8", 1, 65535), ("::1/128", 1, 65535)],
            "ca": self.ca if is_tls else "",
        }
        return PanelSource(**(fields | more))  # type: ignore[arg-type]  # by name

    def login(self) -> list[str]:
        """For mosquitto's own clients."""
        return ["-h", "127.0.0.1", "-p", str(self.port), "-u", USER, "-P", PASSWORD]

    async def say(self, topic: str, payload: str | bytes, *, retain: bool = True) -> None:
        """Publish as the panel does."""
        process = await asyncio.create_subprocess_exec(
            "mosquitto_pub",
            *self.login(),
            *("-q", "1", "-t", topic, "-s", *(["-r"] if retain else [])),
            stdin=subprocess.PIPE,
        )
        await process.communicate(payload.encode() if isinstance(payload, str) else payload)
        assert process.returncode == 0

    @asynccontextmanager
    async def hearing(self, topic: str = COMMAND) -> AsyncIterator["Hearing"]:
        """Hear what is said on a topic: `retained qos payload` a line."""
        process = await asyncio.create_subprocess_exec(
            "mosquitto_sub",
            *self.login(),
            *("-q", "1", "-t", topic, "-t", "home/ready", "-F", "%r %q %p"),
            stdout=subprocess.PIPE,
        )
        heard = Hearing(process)
        while not heard.is_ready:
            await self.say("home/ready", "ready", retain=False)
            with suppress(TimeoutError):
                heard.is_ready = "ready" in await heard.next(within_s=0.3)
        try:
            yield heard
        finally:
            process.kill()
            await process.wait()


@dataclass
class Hearing:
    """Lines of mosquitto_sub."""

    process: asyncio.subprocess.Process
    is_ready: bool = False

    async def next(self, within_s: float = 5.0) -> str:
        """The next one. Raises TimeoutError."""
        assert self.process.stdout
        async with asyncio.timeout(within_s):
            while True:
                line = (await self.process.stdout.readline()).decode().strip()
                if not (self.is_ready and line.endswith(" ready")):
                    return line
