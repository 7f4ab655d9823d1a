"""Packets, bit by bit."""

import struct
from itertools import pairwise

import av
import numpy as np
import pytest

from belvedere.demo.clips import test_clip
from belvedere.demo.rtp import RtpStream, SoundTrack, VideoTrack, h264_payloads, hevc_payloads
from belvedere.demo.sound import SAMPLE_RATE, evening, to_ulaw, tone


@pytest.mark.parametrize("size", [1, 99, 100, 101, 198, 199, 1000])
def test_h264_fragments_join_to_what_they_were(size: int) -> None:
    nal = bytes((0x65, *(i % 251 for i in range(size - 1))))
    payloads = list(h264_payloads([nal], limit=100))
    assert all(len(payload) <= 100 for payload in payloads)
    if size <= 100:
        assert payloads == [nal]
        return
    assert {payload[0] for payload in payloads} == {0x60 | 28}
    assert [payload[1] & 0xC0 for payload in payloads] == [0x80, *[0] * (len(payloads) - 2), 0x40]
    assert bytes((payloads[0][0] & 0xE0 | payloads[0][1] & 0x1F,)) + b"".join(p[2:] for p in payloads) == nal


def test_hevc_fragments_join_to_what_they_were() -> None:
    nal = bytes((19 << 1, 1, *(i % 251 for i in range(500))))
    payloads = list(hevc_payloads([nal, b"\x40\x01short"], limit=100))
    assert payloads.pop() == b"\x40\x01short"
    assert {payload[:2] for payload in payloads} == {bytes((49 << 1, 1))}
    assert [payload[2] & 0xC0 for payload in payloads] == [0x80, *[0] * (len(payloads) - 2), 0x40]
    assert {payload[2] & 0x3F for payload in payloads} == {19}
    assert b"".join(payload[3:] for payload in payloads) == nal[2:]


def test_the_marker_ends_each_picture_and_numbers_rise_by_one() -> None:
    stream = RtpStream(VideoTrack(test_clip(size=(640, 360))))
    stream.sequence = 65_534  # so that it wraps
    packets = [packet for tick in range(3) for packet in stream.packets(tick, tick / 25)]
    heads = [struct.unpack("!BBHII", packet[:12]) for packet in packets]
    assert [head[2] for head in heads] == [(65_534 + i) % 65_536 for i in range(len(packets))]
    assert sum(head[1] >> 7 for head in heads) == 3
    stamps = list(dict.fromkeys(head[3] for head in heads))
    assert [(b - a) % 2**32 for a, b in pairwise(stamps)] == [3600, 3600]
    assert stream.packets_made == len(packets)


def test_a_sender_report_ties_the_stream_to_the_clock() -> None:
    stream = RtpStream(SoundTrack(tone()))
    (packet,) = stream.packets(0, 0.0)
    kind, ssrc, ntp, rtp, packets, octets = struct.unpack("!xBxxIQIII", stream.sender_report(2.5, 1.5)[:28])
    assert (kind, packets, octets) == (200, 1, 320)
    assert ssrc == stream.ssrc
    assert ntp / 2**32 - 2_208_988_800 == pytest.approx(1.5)
    assert (rtp - struct.unpack("!4xI", packet[:8])[0]) % 2**32 == 2.5 * SAMPLE_RATE
    assert len(stream.sender_report(0, 0)) % 4 == 0


def heard(ulaw: bytes) -> np.ndarray:
    decoder = av.CodecContext.create("pcm_mulaw", "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.sample_rate, decoder.layout = SAMPLE_RATE, "mono"
    return np.concatenate([frame.to_ndarray()[0] for frame in decoder.decode(av.Packet(ulaw))])


def test_ulaw_is_what_ffmpeg_thinks_it_is() -> None:
    ramp = np.linspace(-1, 1, 4001)
    got, wanted = heard(to_ulaw(ramp)), ramp * 32_767
    assert np.all(np.abs(got - wanted) <= 8 + np.abs(wanted) / 28)


def test_sound_repeats_without_a_gap() -> None:
    sound = tone()
    assert sound.excerpt(7_990, 20) == sound.ulaw[-10:] + sound.ulaw[:10]
    assert sound.excerpt(24_000, 20_000) == sound.ulaw * 2 + sound.ulaw[:4000]


def test_the_evening_is_quiet_but_not_silent() -> None:
    samples = heard(evening().ulaw) / 32_767
    assert 0.005 < samples.std() < 0.05
    assert np.abs(samples).max() < 0.12
    assert abs(samples[0] - samples[-1]) < 0.03, "no click where it begins anew"
