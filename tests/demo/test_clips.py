"""Clips: what the encoder promises, and the file they are kept in."""

from pathlib import Path

import av
import numpy as np
import pytest

from belvedere.demo.clips import Clip, encode_clip, nal_type, split_annex_b, test_clip
from demo.rtsp_client import code_of


def decoded(clip: Clip) -> list[int]:
    decoder = av.CodecContext.create(clip.codec, "r")
    assert isinstance(decoder, av.VideoCodecContext)
    stream = [b"".join(b"\0\0\0\1" + nal for nal in unit.nals) for unit in clip.units]
    packets = [packet for data in stream for packet in decoder.parse(data)] + decoder.parse(None)
    frames = [frame for packet in packets for frame in decoder.decode(packet)] + decoder.decode(None)
    assert {(frame.width, frame.height) for frame in frames} == {(clip.width, clip.height)}
    return [code_of(frame) for frame in frames]


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_every_picture_is_there_once_and_in_order(codec: str) -> None:
    assert decoded(test_clip(seconds=1, codec=codec)) == list(range(25))


@pytest.mark.parametrize(("codec", "sets"), [("h264", [7, 8]), ("hevc", [32, 33, 34])])
def test_key_frames_come_as_asked_with_their_parameter_sets(codec: str, sets: list[int]) -> None:
    clip = test_clip(seconds=1, codec=codec, gop=10)
    assert [index for index, unit in enumerate(clip.units) if unit.is_key] == [0, 10, 20]
    for unit in clip.units:
        kinds = [nal_type(codec, nal) for nal in unit.nals]
        assert kinds[: len(sets)] == sets if unit.is_key else not set(kinds) & set(sets)
    assert [nal_type(codec, nal) for nal in clip.parameter_sets] == sets
    assert clip.seconds == 1


def test_a_cut_in_the_film_makes_no_key_frame() -> None:
    black, white = np.zeros((96, 160, 3), np.uint8), np.full((96, 160, 3), 255, np.uint8)
    clip = encode_clip([black] * 5 + [white] * 5, fps=5, gop=10)
    assert [unit.is_key for unit in clip.units] == [True] + [False] * 9


def test_a_clip_is_the_same_after_a_file(tmp_path: Path) -> None:
    clip = test_clip()
    clip.save(tmp_path / "test.clip")
    assert Clip.load(tmp_path / "test.clip") == clip


def test_a_file_that_is_no_clip_says_so(tmp_path: Path) -> None:
    (tmp_path / "test.clip").write_bytes(b"\x00\x01\n")
    with pytest.raises(ValueError, match=r"test.clip is not a clip"):
        Clip.load(tmp_path / "test.clip")
    (tmp_path / "test.clip").write_bytes(b'{"format":"something else"}\n')
    with pytest.raises(ValueError, match=r"test.clip is not a clip"):
        Clip.load(tmp_path / "test.clip")


def test_a_file_cut_short_says_so(tmp_path: Path) -> None:
    path = tmp_path / "test.clip"
    test_clip().save(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="cut short"):
        Clip.load(path)


def test_no_pictures_make_no_clip() -> None:
    with pytest.raises(ValueError, match="at least one picture"):
        encode_clip([], fps=12)


def test_start_codes_of_either_length() -> None:
    assert list(split_annex_b(b"\0\0\0\1\x67\x64\0\0\1\x68\xee\0\0\0\1\x65\0\3")) == [
        b"\x67\x64",
        b"\x68\xee",
        b"\x65\0\3",
    ]
