"""Calls to one device, by name: zeep writes and reads the SOAP, everything hostile is kept from it by the transport."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

import onvif
from lxml import etree
from onvif.client import UsernameDigestTokenDtDiff, ZeepAsyncClient
from onvif.definition import SERVICES
from onvif.transport import ASYNC_TRANSPORT
from onvif.util import is_auth_error
from zeep import Settings
from zeep.exceptions import Fault
from zeep.wsdl import Document

from belvedere.media.onvif.failure import Declined, DeviceFailure, NotAuthorized, OnvifError
from belvedere.media.onvif.transport import ANSWER_WITHIN_S, PinnedTransport

#: Not strict: devices forget what the schema demands. That would also mend broken XML, which therefore comes checked.
_SETTINGS: Final = Settings(
    strict=False, xml_huge_tree=False, forbid_dtd=True, forbid_entities=True, forbid_external=True
)
_WSDLS: Final = Path(onvif.__file__).parent / "wsdl"
#: The services that come with a description, and the one that does not: `ask` speaks to that.
DESCRIBED: Final = ("devicemgmt", "media", "ptz", "events")
MEDIA2: Final = "http://www.onvif.org/ver20/media/wsdl"
#: The services we speak, by their namespaces.
NAMESPACES: Final[Mapping[str, str]] = {SERVICES[name]["ns"]: name for name in DESCRIBED} | {MEDIA2: "media2"}
_SOAP: Final = "http://www.w3.org/2003/05/soap-envelope"


@cache
def load(service: str) -> Document:
    """A service's description, from the wheel: never from a network. A second of work, the first time."""
    return Document(str(_WSDLS / SERVICES[service]["wsdl"]), ASYNC_TRANSPORT, settings=_SETTINGS)


class OnvifClient:
    """One device, over one transport.

    paths  `/path?query` of each service, as far as it is known
    """

    def __init__(self, transport: PinnedTransport, device_path: str, *, username: str, password: str) -> None:
        """Without a user name nothing is signed."""
        self.paths = {"devicemgmt": device_path}
        self._transport = transport
        # A digest, never the password itself, which is what zeep would send.
        self._token = UsernameDigestTokenDtDiff(username, password, use_digest=True) if username else None

    def date_signatures(self, offset: timedelta) -> None:
        """From now on, by its clock, which is that far from ours."""
        if self._token is not None:
            self._token.dt_diff = offset

    async def call(self, service: str, operation: str, *, signed: bool = True, **arguments: Any) -> Any:
        """Ask, and return what zeep makes of the answer: anything in it may be missing, or None.

        Raises Declined for a fault about this operation, NotAuthorized, and DeviceFailure for the end of it all.
        """
        if service not in self.paths:
            raise Declined
        client = ZeepAsyncClient(
            wsdl=load(service),
            wsse=self._token if signed else None,
            transport=self._transport,
            settings=_SETTINGS,
        )
        binding = f"{{{SERVICES[service]['ns']}}}{SERVICES[service]['binding']}"
        proxy = client.create_service(binding, self.paths[service])
        try:
            return await proxy[operation](**arguments)
        except DeviceFailure:
            raise
        except Fault as fault:
            raise (NotAuthorized if is_auth_error(fault) else Declined) from None
        except Exception:  # zeep meets what no schema foresees in many ways; its texts hold the whole answer
            raise DeviceFailure(OnvifError.NOT_ONVIF) from None

    async def ask(
        self,
        service: str,
        message: "etree._Element",
        *,
        action: str = "",
        headers: "Sequence[etree._Element]" = (),
        within_s: float = ANSWER_WITHIN_S,
    ) -> "etree._Element":
        """The same for a service without description: the body's element there and back.

        action   what it asks for, where that is not the name of the element
        headers  go into the envelope's head, beside the signature
        An answer that cannot be read counts as none. Raises Declined, NotAuthorized, DeviceFailure.
        """
        if service not in self.paths:
            raise Declined
        envelope = etree.Element(f"{{{_SOAP}}}Envelope", nsmap={"s": _SOAP})
        if self._token is not None:
            self._token.apply(envelope, {})
        if headers:
            head = envelope.find(f"{{{_SOAP}}}Header")
            (etree.SubElement(envelope, f"{{{_SOAP}}}Header") if head is None else head).extend(headers)
        etree.SubElement(envelope, f"{{{_SOAP}}}Body").append(message)
        action = action or "/".join((etree.QName(message).namespace or "", etree.QName(message).localname))
        kind = {"Content-Type": f'application/soap+xml; charset=utf-8; action="{action}"'}
        answer = await self._transport.post_xml(self.paths[service], envelope, kind, within_s=within_s)
        try:
            body = etree.fromstring(answer.content, _parser()).find("{*}Body")
        except etree.XMLSyntaxError:
            raise Declined from None
        said = next(iter(body), None) if body is not None else None
        if said is None:
            raise Declined
        if etree.QName(said).localname == "Fault":
            codes = "".join(value.text or "" for value in said.iter("{*}Value"))
            raise NotAuthorized if "NotAuthorized" in codes else Declined
        return said


def _parser() -> "etree.XMLParser[etree._Element]":
    """For what has been looked at already: the same limits once more."""
    return etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False, remove_comments=True
    )
