"""The parts of talking, each by itself: what is pure needs no camera."""

import math
import struct

import pytest

from belvedere.media.talk.brands import PACKET_MS, address_for, quirk_of
from belvedere.media.talk.description import Track, parse_description
from belvedere.media.talk.digest import Credentials
from belvedere.media.talk.failure import TalkError, TalkFailure
from belvedere.media.talk.speech import Speech
from belvedere.media.talk.tone import tone
from belvedere.media.talk.voice import Voice, choose
from media.talking import decoded

# What cameras of several makers say, shortened.
ONVIF = """v=0
o=- 1 1 IN IP4 192.0.2.1
s=Media
a=recvonly
m=video 0 RTP/AVP 96
a=rtpmap:96 H264/90000
a=control:trackID=1
m=audio 0 RTP/AVP 8
a=control:trackID=2
m=audio 0 RTP/AVP 97 0 8
a=rtpmap:97 MPEG4-GENERIC/16000/1
a=fmtp:97 streamtype=5; mode=AAC-hbr; SizeLength=13; IndexLength=3; config=1408
a=rtpmap:0 PCMU/8000
a=sendonly
a=control:rtsp://192.0.2.1/door/trackID=5
"""


def pcm(samples: int) -> bytes:
    return struct.pack(f"<{samples}h", *(int(20_000 * math.sin(n / 9)) for n in range(samples)))


class TestDescription:
    def test_which_way_is_told_from_our_side(self) -> None:
        media = parse_description(ONVIF)
        assert [(tracks[0].kind, tracks[0].is_ours_to_send) for tracks in media] == [
            ("video", False),
            ("audio", False),
            ("audio", True),
        ]
        assert media[1][0].codec == "PCMA"  # payload type 8 needs no words

    def test_of_several_formats_the_one_with_the_least_delay(self) -> None:
        ears = [tracks for tracks in parse_description(ONVIF) if tracks[0].is_ours_to_send]
        chosen = choose(ears)
        assert chosen
        assert (chosen.codec, chosen.payload_type, chosen.control) == ("PCMU", 0, "rtsp://192.0.2.1/door/trackID=5")

    @pytest.mark.parametrize("codec", ["G726-32", "OPUS", "L16"])
    def test_what_we_do_not_speak_is_not_chosen(self, codec: str) -> None:
        assert choose([[Track("audio", "", True, 99, codec, 8000)]]) is None
        with pytest.raises(TalkFailure) as failure:
            Voice(Track("audio", "", True, 99, codec, 8000), 8000)
        assert failure.value.code is TalkError.UNSUPPORTED_CODEC

    @pytest.mark.parametrize(
        "text", ["", "m=", "m=audio", "m=audio x RTP/AVP ?", "a=control:x\nm=audio 0 RTP/AVP 0\na=rtpmap:0", "\0" * 99]
    )
    def test_nonsense_is_no_track_to_fall_over(self, text: str) -> None:
        assert choose([tracks for tracks in parse_description(text) if tracks[0].is_ours_to_send]) is None

    def test_no_more_media_than_any_camera_has(self) -> None:
        """N30."""
        assert len(parse_description("m=audio 0 RTP/AVP 0\n" * 1000)) == 8


class TestDigest:
    def test_the_answer_of_the_book(self) -> None:
        """RFC 2617, 3.5, without qop."""
        login = Credentials("Mufasa", "Circle Of Life")
        nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093"
        assert login.challenge([f'Digest realm="testrealm@host.com", nonce="{nonce}", opaque="5ccc"'])
        said = login.header("GET", "/dir/index.html")
        assert 'response="670fd8c2df070c60b045671b8b24ff02"' in said
        assert 'opaque="5ccc"' in said

    def test_the_strongest_that_is_offered_is_taken(self) -> None:
        login = Credentials("u", "p")
        offers = [
            "Basic realm=x",
            'Digest realm="x", nonce="1"',
            'Digest realm="x", nonce="2", algorithm=SHA-256, qop="auth"',
        ]
        assert login.challenge(offers)
        assert "algorithm=SHA-256" in login.header("DESCRIBE", "rtsp://c/")

    def test_a_password_is_not_tried_twice(self) -> None:
        """Cameras lock a client out that does."""
        login = Credentials("u", "p")
        assert login.challenge(['Digest realm="x", nonce="1"'])
        assert not login.challenge(['Digest realm="x", nonce="2"'])

    def test_a_nonce_that_is_stale_is_answered_anew(self) -> None:
        login = Credentials("u", "p")
        assert login.challenge(['Digest realm="x", nonce="1"'])
        assert login.challenge(['Digest realm="x", nonce="2", stale=true'])

    def test_without_a_name_there_is_nothing_to_say(self) -> None:
        assert not Credentials("", "").challenge(['Digest realm="x", nonce="1"'])

    def test_it_tells_nothing_of_itself(self) -> None:
        """N37."""
        assert "secret" not in repr(Credentials("u", "secret"))


class TestSpeech:
    def test_all_of_it_in_order_at_the_pace_of_speech(self) -> None:
        speech, said = Speech(8000, 20), pcm(1600)
        speech.feed(said)
        heard, now = b"", 100.0
        while not speech.is_empty:
            now += speech.wait(now)
            heard += speech.take(now) or b""
        assert heard == said
        assert 0.12 < now - 100.0 < 0.2  # a backlog is caught up, a little

    def test_what_is_late_is_dropped_the_oldest_first(self) -> None:
        speech, said = Speech(8000, 20), pcm(8000)
        speech.feed(said)
        assert speech.dropped == 8000 - 2400
        assert speech.take(0.0) == said[-4800:-4480]

    def test_nothing_is_sent_before_its_moment(self) -> None:
        speech = Speech(8000, 20)
        speech.feed(pcm(320))
        assert speech.take(5.0) is not None
        assert speech.take(5.001) is None
        assert speech.take(5.02) is not None

    def test_the_last_word_is_filled_up(self) -> None:
        speech = Speech(8000, 20)
        speech.feed(pcm(100))
        assert speech.is_empty
        speech.end()
        assert speech.take(0.0) == pcm(100) + bytes(120)


class TestVoice:
    @pytest.mark.parametrize(("codec", "decoder"), [("PCMU", "pcm_mulaw"), ("PCMA", "pcm_alaw")])
    def test_every_sample_comes_back_as_near_as_the_law_has_it(self, codec: str, decoder: str) -> None:
        """Against FFmpeg's decoder, all 65,536."""
        samples = range(-32_768, 32_768)
        [payload] = Voice(Track("audio", "", True, 0, codec, 8000), 8000).feed(struct.pack("<65536h", *samples))
        back = decoded(payload.data, decoder)
        assert max(abs(there - here) - abs(here) // 16 for there, here in zip(back, samples, strict=True)) <= 16


class TestBrands:
    def test_dahua_is_asked_for_its_onvif_stream(self) -> None:
        url = "rtsp://192.0.2.1/cam/realmonitor?channel=1&subtype=0"
        assert address_for(url) == f"{url}&unicast=true&proto=Onvif"
        assert address_for(address_for(url)) == address_for(url)

    def test_reolink_wants_long_packets(self) -> None:
        assert quirk_of("/Preview_01_main", "BC Streaming Media").packet_ms == 128

    def test_the_others_want_nothing(self) -> None:
        assert address_for("rtsp://192.0.2.1/stream1") == "rtsp://192.0.2.1/stream1"
        assert quirk_of("/stream1", "IP Camera").packet_ms == PACKET_MS


def test_the_tone_is_short_and_clear() -> None:
    samples = struct.unpack("<2400h", tone(8000))
    assert max(samples) > 8000
    assert abs(samples[0]) < 100
