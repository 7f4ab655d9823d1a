"""XML from strangers, looked at before anything builds a tree of it (N29).

Expat reads it as a stream: nothing is kept, nothing is fetched, and it stops at the first thing that no device has a
reason to send. What passes is small, flat and free of declarations, so that any parser may have it.
"""

from collections.abc import Callable
from typing import Final
from xml.parsers import expat

MAX_DEPTH: Final = 64
#: Elements and attributes. A recorder with 64 channels of two profiles takes 8,000; so many empty profiles 26 MB.
MAX_NODES: Final = 30_000


class XmlRefused(Exception):  # noqa: N818  a verdict
    """Not well-formed, or more than an answer needs."""


def check_xml(data: bytes, *, max_nodes: int = MAX_NODES) -> None:
    """Raise XmlRefused unless `data` is one well-formed, harmless document."""
    walk(data, max_nodes=max_nodes)


def walk(
    data: bytes,
    *,
    on_start: Callable[[str], None] | None = None,
    on_text: Callable[[str], None] | None = None,
    on_end: Callable[[str], None] | None = None,
    max_nodes: int = MAX_NODES,
) -> None:
    """Read once through a document, telling of elements by their local names: prefixes need not be declared.

    Raises XmlRefused: ill-formed, a DTD, entities, deeper than MAX_DEPTH, more than `max_nodes`.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True
    depth = nodes = 0

    def start(name: str, attributes: list[str]) -> None:
        nonlocal depth, nodes
        depth += 1
        nodes += 1 + len(attributes) // 2
        if depth > MAX_DEPTH or nodes > max_nodes:
            raise XmlRefused
        if on_start is not None:
            on_start(_local(name))

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        if on_end is not None:
            on_end(_local(name))

    def refuse(*_: object) -> None:
        raise XmlRefused

    parser.ordered_attributes = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = on_text
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.ProcessingInstructionHandler = refuse
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError):
        raise XmlRefused from None


def _local(name: str) -> str:
    return name.rpartition(":")[2]
