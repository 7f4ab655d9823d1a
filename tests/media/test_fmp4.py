"""Fragments are read back by somebody else's demuxer."""

import contextlib
import io
import itertools
from collections.abc import Iterable
from fractions import Fraction

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from belvedere.demo.clips import Clip, test_clip
from belvedere.media.fmp4 import Assembler, Track, h265, write_fragment, write_init
from belvedere.media.fmp4.fragment import HEADER_SIZE
from belvedere.media.fmp4.h264 import NalType, nal_type, parse_sps, split_annex_b, split_lengths

START = b"\x00\x00\x00\x01"


def annex_b(nals: Iterable[bytes]) -> bytes:
    return b"".join(START + nal for nal in nals)


def remux(
    packets: Iterable[bytes], *, codec: str = "h264", offsets: Iterable[int] = itertools.repeat(0)
) -> tuple[Track, bytes]:
    """Everything this room does, for one run of packets at 25 frames a second."""
    assembler = Assembler(codec)
    body = b""
    for index, (packet, offset) in enumerate(zip(packets, offsets, strict=False)):
        unit = assembler.feed(packet)
        assert unit is not None
        body += write_fragment(
            unit.payload,
            sequence=index,
            time=index * 3600,
            duration=3600,
            is_key=unit.is_key,
            composition_offset=offset,
        ).data
    assert assembler.parameters is not None
    track = write_init(assembler.parameters, utc_at_zero=1.5)
    return track, track.init + body


def boxes(data: bytes) -> list[bytes]:
    names, at = [], 0
    while at < len(data):
        names.append(data[at + 4 : at + 8])
        at += int.from_bytes(data[at : at + 4])
    assert at == len(data)
    return names


def encode_with_b_frames(pictures: int) -> tuple[list[bytes], list[int], list[int]]:
    """(packets, dts, pts), in units of one frame."""
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = 160, 96, "yuv420p"
    encoder.time_base = Fraction(1, 25)
    encoder.max_b_frames = 2
    encoder.options = {"x264-params": "b-adapt=0:bframes=2:keyint=12:scenecut=0:repeat-headers=1"}
    packets = []
    for index in range(pictures):
        frame = av.VideoFrame(160, 96, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes([index * 5 % 256]) * plane.buffer_size)
        frame.pts = index
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    return [bytes(p) for p in packets], [p.dts or 0 for p in packets], [p.pts or 0 for p in packets]


def packets_of(clip: Clip) -> list[bytes]:
    return [annex_b(unit.nals) for unit in clip.units]


@pytest.mark.parametrize(("codec", "named"), [("h264", "avc1."), ("hevc", "hvc1.1.")])
def test_a_stranger_reads_every_frame_and_its_time(codec: str, named: str) -> None:
    clip = test_clip(seconds=2, codec=codec)
    track, film = remux(packets_of(clip), codec=codec)
    assert (track.width, track.height, track.timescale) == (320, 180, 90_000)
    assert track.codec.startswith(named)
    assert boxes(track.init) == [b"ftyp", b"moov"]
    with av.open(io.BytesIO(film), "r") as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (320, 180)
        packets = [p for p in container.demux(stream) if p.size]
    assert [p.dts for p in packets] == [index * 3600 for index in range(50)]
    assert [index for index, p in enumerate(packets) if p.is_keyframe] == [0, 25]
    with av.open(io.BytesIO(film), "r") as container:
        assert sum(1 for _ in container.decode(video=0)) == 50


def test_the_mdat_is_the_access_unit_without_parameter_sets() -> None:
    clip = test_clip(seconds=1)
    assembler = Assembler()
    unit = assembler.feed(annex_b([bytes([NalType.DELIMITER, 0xF0]), *clip.units[0].nals]))
    assert unit is not None
    fragment = write_fragment(unit.payload, sequence=0, time=0, duration=3600, is_key=True)
    assert fragment.data[HEADER_SIZE:] == unit.payload
    assert boxes(fragment.data) == [b"moof", b"mdat"]
    assert {nal_type(nal) for nal in split_lengths(unit.payload)} <= {NalType.IDR, NalType.SEI}


def test_frames_that_are_shown_in_another_order() -> None:
    packets, dts, pts = encode_with_b_frames(24)
    assert dts != pts
    offsets = [(shown - decoded) * 3600 for decoded, shown in zip(dts, pts, strict=True)]
    _, film = remux(packets, offsets=offsets)
    with av.open(io.BytesIO(film), "r") as container:
        shown = [frame.pts for frame in container.decode(video=0)]
    assert len(shown) == 24
    assert [b - a for a, b in itertools.pairwise(shown) if a is not None and b is not None] == [3600] * 23


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_a_new_picture_size_is_noticed_at_its_key_frame(codec: str) -> None:
    assembler = Assembler(codec)
    for packet in packets_of(test_clip(seconds=1, codec=codec)):
        assembler.feed(packet)
    before = assembler.parameters
    small = test_clip(seconds=1, size=(160, 90), codec=codec)
    assembler.feed(annex_b(small.units[0].nals))
    after = assembler.parameters
    assert before is not None
    assert after is not None
    assert (before.parsed.width, after.parsed.width, after.parsed.height) == (320, 160, 90)
    assert write_init(after, 0).init != write_init(before, 0).init


def test_parameter_sets_from_the_announcement_are_enough() -> None:
    clip = test_clip(seconds=1)
    assembler = Assembler()
    assembler.learn(annex_b(clip.parameter_sets))
    bare = [nal for nal in clip.units[0].nals if nal not in clip.parameter_sets]
    unit = assembler.feed(annex_b(bare))
    assert unit is not None
    assert unit.is_key
    assert assembler.parameters is not None


def test_avcc_gives_the_same_as_annex_b() -> None:
    clip = test_clip(seconds=1)
    sps, pps = clip.parameter_sets
    record = b"".join((b"\x01", sps[1:4], b"\xff\xe1", len(sps).to_bytes(2), sps, b"\x01", len(pps).to_bytes(2), pps))
    stored, streamed = Assembler(), Assembler()
    stored.learn(record)
    assert stored.length_size == 4
    for unit in clip.units:
        assert stored.feed(b"".join(len(nal).to_bytes(4) + nal for nal in unit.nals)) == streamed.feed(
            annex_b(unit.nals)
        )
    assert stored.parameters == streamed.parameters


@pytest.mark.parametrize(
    ("size", "profile"),
    [((1920, 1080), "high"), ((640, 360), "baseline"), ((352, 288), "main"), ((322, 182), "high444")],
)
def test_the_size_in_an_sps(size: tuple[int, int], profile: str) -> None:
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height = size
    encoder.pix_fmt = "yuv444p" if profile == "high444" else "yuv420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"profile": profile, "preset": "ultrafast", "tune": "zerolatency"}
    packet = encoder.encode(av.VideoFrame(*size, encoder.pix_fmt))[0]
    sps = next(nal for nal in split_annex_b(bytes(packet)) if nal_type(nal) == NalType.SPS)
    parsed = parse_sps(sps)
    assert (parsed.width, parsed.height) == size
    assert parsed.codec == f"avc1.{sps[1]:02x}{sps[2]:02x}{sps[3]:02x}"


@given(st.binary(max_size=80))
def test_hostile_bytes_end_in_a_value_error_or_nothing(data: bytes) -> None:
    # N30: what a camera sends is read here, so nothing but ValueError may come of it.
    for codec, parse, header in (("h264", parse_sps, b"\x67"), ("hevc", h265.parse_sps, b"\x42\x01")):
        for packet in (data, START + data, START + header + data):
            with contextlib.suppress(ValueError):
                Assembler(codec).feed(packet)
        Assembler(codec).learn(data)
        with contextlib.suppress(ValueError):
            parsed = parse(header + data)
            assert parsed.width > 0
            assert parsed.height > 0


@pytest.mark.parametrize("size", [(1920, 1080), (640, 360), (322, 182)])
def test_the_size_in_an_sps_of_h265(size: tuple[int, int]) -> None:
    encoder = av.CodecContext.create("libx265", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = *size, "yuv420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "x265-params": "log-level=0"}
    packet = encoder.encode(av.VideoFrame(*size, "yuv420p"))[0]
    sps = next(nal for nal in split_annex_b(bytes(packet)) if h265.nal_type(nal) == h265.NalType.SPS)
    parsed = h265.parse_sps(sps)
    assert (parsed.width, parsed.height) == size
    assert parsed.codec.startswith("hvc1.1.6.L")
