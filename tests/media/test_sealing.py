"""Boxes open for one key, whole, or not at all."""

import base64

import pytest

from belvedere.contracts.sealing import SealError, generate_key, public_bytes, seal, unseal


def test_what_is_sealed_comes_out_again_for_its_owner_alone() -> None:
    ours, theirs = generate_key(), generate_key()
    box = seal(public_bytes(ours), b"rtsp and password")
    assert unseal(ours, box) == b"rtsp and password"
    assert box != seal(public_bytes(ours), b"rtsp and password")
    with pytest.raises(SealError):
        unseal(theirs, box)


def test_a_touched_box_does_not_open() -> None:
    key = generate_key()
    raw = bytearray(base64.b64decode(seal(public_bytes(key), b"x")))
    for index in range(len(raw)):
        touched = bytes(raw[:index]) + bytes((raw[index] ^ 1,)) + bytes(raw[index + 1 :])
        with pytest.raises(SealError):
            unseal(key, base64.b64encode(touched).decode())
    for nonsense in ("", "!", "AAAA", "ä"):
        with pytest.raises(SealError):
            unseal(key, nonsense)
        with pytest.raises(SealError):
            seal(nonsense, b"x")
