"""An authority of our own, for a front door that no public one can vouch for: a name of one network, an address.

Whoever trusts it must not have to trust us with the rest of the world. So it is good for one name alone, and says so in
a way that browsers hold it to (X.509 name constraints, critical): even with its key nobody can be anybody else.
"""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from belvedere.supervisor.premises import private_file

_YEARS: Final = timedelta(days=3650)
#: with less than this left, the next start makes another one
_TOO_OLD: Final = timedelta(days=90)
#: clocks of phones are not all right
_BEFORE: Final = timedelta(days=1)

CERTIFICATE: Final = "root.crt"
KEY: Final = "root.key"


def ensure_authority(folder: Path, host: str) -> x509.Certificate:
    """The authority for `host` in `folder`: the one that is there, or a new one when there is none, for it, in time."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    found = read_authority(folder)
    if found is not None and (folder / KEY).is_file() and _is_for(found, host):
        return found
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate(key, host)
    encoding = serialization.Encoding.PEM
    private_file(
        folder / KEY,
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
    private_file(folder / CERTIFICATE, certificate.public_bytes(encoding))
    return certificate


def read_authority(folder: Path) -> x509.Certificate | None:
    """The authority in `folder`; None when there is none that can be read."""
    try:
        return x509.load_pem_x509_certificate((folder / CERTIFICATE).read_bytes())
    except (OSError, ValueError):
        return None


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of it, as devices show it: `AB:CD:…`."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def _certificate(key: ec.EllipticCurvePrivateKey, host: str) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Belvedere at {host}"[:64])])
    now = datetime.now(UTC)
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BEFORE)
        .not_valid_after(now + _YEARS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_constraints(host), critical=True)
        .sign(key, hashes.SHA256())
    )


def _constraints(host: str) -> x509.NameConstraints:
    """Good for `host` alone. What is not named is not limited, so the other kind of name is excluded whole."""
    try:
        address = IPv4Address(host)
    except ValueError:
        everywhere = [x509.IPAddress(IPv4Network("0.0.0.0/0")), x509.IPAddress(IPv6Network("::/0"))]
        return x509.NameConstraints(permitted_subtrees=[x509.DNSName(host)], excluded_subtrees=everywhere)
    here = [x509.IPAddress(IPv4Network(f"{address}/32"))]
    # An empty name is a suffix of all of them.
    return x509.NameConstraints(permitted_subtrees=here, excluded_subtrees=[x509.DNSName("")])


def _is_for(certificate: x509.Certificate, host: str) -> bool:
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return False
    left = certificate.not_valid_after_utc - datetime.now(UTC)
    return constraints == _constraints(host) and left > _TOO_OLD
