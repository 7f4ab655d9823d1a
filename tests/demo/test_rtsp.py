"""The camera server, seen by FFmpeg: what a good camera does."""

import time
from contextlib import ExitStack
from itertools import pairwise

import av
import pytest

from belvedere.demo.rtsp import CameraServerThread, Scheme
from belvedere.demo.sound import tone
from demo.rtsp_client import PlainClient, opened, quick_clip, sha256_answer, watch

# Everything that means something in a URL, in a header or in a shell, and a letter beyond ASCII.
PASSWORD = """p@ss:w/rd %20?#&"é'\\;,="""


def rising(codes: list[int], length: int) -> bool:
    return all((b - a) % length == 1 for a, b in pairwise(codes))


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_pictures_come_in_order_at_the_frame_rate(server: CameraServerThread, transport: str) -> None:
    server.add("/yard/main", quick_clip())
    with opened(server, "/yard/main", transport=transport) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (320, 180)
        assert container.start_time_realtime is not None
        seen = watch(container, 20)
    assert len(seen.codes) >= 15
    assert rising(seen.codes, 50)
    assert all(b - a == pytest.approx(1 / 50, abs=1e-4) for a, b in pairwise(seen.times))


def test_reports_tell_the_time_of_day(server: CameraServerThread) -> None:
    server.add("/yard", quick_clip())
    with opened(server, "/yard") as container:
        assert container.start_time_realtime is not None
        assert container.start_time_realtime / 1e6 == pytest.approx(time.time(), abs=3)


def test_a_clip_repeats_without_a_step_in_time(server: CameraServerThread) -> None:
    server.add("/yard", quick_clip(fps=30))
    with opened(server, "/yard") as container:
        seen = watch(container, 35)
    assert {0, 29} <= set(seen.codes)
    assert rising(seen.codes, 30)
    assert seen.times == sorted(seen.times)


def test_everybody_sees_the_same_picture(server: CameraServerThread) -> None:
    mount = server.add("/yard", quick_clip())
    with opened(server, "/yard") as first, opened(server, "/yard") as second:
        got = [watch(first, 8), watch(second, 8)]
        assert mount.playing == server.playing == 2
    assert set(got[0].codes) & set(got[1].codes)
    assert server.connections == 2


def test_nothing_is_sent_while_nobody_watches(server: CameraServerThread) -> None:
    mount = server.add("/yard", quick_clip())
    with opened(server, "/yard") as container:
        watch(container, 5)
    deadline = time.monotonic() + 5
    while server.open_connections and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.playing == 0
    sent = mount.packets_sent
    assert sent > 0
    time.sleep(0.2)
    assert mount.packets_sent == server.packets_sent == sent


def test_sound_comes_along(server: CameraServerThread) -> None:
    server.add("/yard", quick_clip(), audio=tone())
    with opened(server, "/yard") as container:
        assert container.streams.audio[0].codec_context.name == "pcm_mulaw"
        assert container.streams.audio[0].codec_context.sample_rate == 8000
        assert watch(container, 15).sounds >= 5


def test_large_pictures_are_cut_and_joined(server: CameraServerThread) -> None:
    clip = quick_clip(size=(1280, 720))
    assert max(len(nal) for nal in clip.units[0].nals) > 5_000
    server.add("/yard", clip)
    with opened(server, "/yard") as container:
        assert rising(watch(container, 10).codes, 50)


def test_h265_is_served_too(server: CameraServerThread) -> None:
    server.add("/yard", quick_clip(codec="hevc", size=(640, 360)))
    with opened(server, "/yard") as container:
        assert container.streams.video[0].codec_context.name == "hevc"
        assert rising(watch(container, 12).codes, 50)


def test_a_query_is_part_of_the_path(server: CameraServerThread) -> None:
    server.add("/cam?channel=1&subtype=0", quick_clip())
    server.add("/cam?channel=1&subtype=1", quick_clip(size=(160, 96)))
    with opened(server, "/cam?channel=1&subtype=1") as container:
        assert container.streams.video[0].width == 160


@pytest.mark.parametrize("schemes", [(Scheme.MD5,), (Scheme.BASIC,), (Scheme.SHA256, Scheme.MD5)])
def test_the_right_password_opens(server: CameraServerThread, schemes: tuple[Scheme, ...]) -> None:
    server.add("/yard", quick_clip(), username="us er@x", password=PASSWORD, schemes=schemes)
    with opened(server, "/yard", username="us er@x", password=PASSWORD) as container:
        assert watch(container, 2).codes


@pytest.mark.parametrize("schemes", [(Scheme.MD5,), (Scheme.BASIC,)])
@pytest.mark.parametrize(("username", "password"), [("demo", "wrong"), ("other", PASSWORD), ("", "")])
def test_the_wrong_password_does_not(
    server: CameraServerThread, schemes: tuple[Scheme, ...], username: str, password: str
) -> None:
    server.add("/yard", quick_clip(), username="demo", password=PASSWORD, schemes=schemes)
    with (
        pytest.raises(av.error.HTTPUnauthorizedError),
        opened(server, "/yard", username=username, password=password),
    ):
        pass


def test_sha256_digest_of_rfc_7616(server: CameraServerThread) -> None:
    # FFmpeg does not know it, so it is worked out here.
    server.add("/yard", quick_clip(), username="demo", password="secret", schemes=(Scheme.SHA256,))
    url = server.url("/yard")
    with PlainClient(server) as client:
        status, headers, _ = client.ask("DESCRIBE", url)
        assert status == 401
        (challenge,) = headers["www-authenticate"]
        wrong, right = (
            sha256_answer(challenge, username="demo", password=password, method="DESCRIBE", uri=url)
            for password in ("wrong", "secret")
        )
        assert client.ask("DESCRIBE", url, Authorization=wrong)[0] == 401
        assert client.ask("DESCRIBE", url, Authorization=right)[0] == 200
    with PlainClient(server) as another:  # the nonce is the other connection's
        assert another.ask("DESCRIBE", url, Authorization=right)[0] == 401


@pytest.mark.parametrize("credentials", ["", "Digest", "Digest ,,=", "Basic !", "Bearer x", 'Digest username="demo"'])
def test_malformed_credentials_are_wrong_ones(server: CameraServerThread, credentials: str) -> None:
    server.add("/yard", quick_clip(), username="demo", password="secret", schemes=(Scheme.MD5, Scheme.BASIC))
    with PlainClient(server) as client:
        assert client.ask("DESCRIBE", server.url("/yard"), Authorization=credentials)[0] == 401


def test_a_conversation_from_options_to_teardown(server: CameraServerThread) -> None:
    mount = server.add("/yard", quick_clip(), audio=tone())
    url = server.url("/yard")
    with PlainClient(server) as client:
        status, headers, _ = client.ask("OPTIONS", url)
        assert (status, "GET_PARAMETER" in headers["public"][0]) == (200, True)
        status, headers, sdp = client.ask("DESCRIBE", url)
        assert headers["content-base"] == [f"{url}/"]
        assert [line for line in sdp.splitlines() if line.startswith("m=")] == [
            "m=video 0 RTP/AVP 96",
            "m=audio 0 RTP/AVP 0",
        ]
        assert client.ask("PLAY", url)[0] == 454
        assert client.ask("SETUP", f"{url}/trackID=7", Transport="RTP/AVP/TCP;interleaved=0-1")[0] == 404
        for impossible in ("RTP/SAVP;unicast", "RTP/AVP;client_port=65536-65537", "RTP/AVP;client_port=x", ""):
            assert client.ask("SETUP", f"{url}/trackID=0", Transport=impossible)[0] == 461
        status, headers, _ = client.ask("SETUP", f"{url}/trackID=0", Transport="RTP/AVP/TCP;unicast;interleaved=4-5")
        assert (status, headers["transport"]) == (200, ["RTP/AVP/TCP;unicast;interleaved=4-5"])
        assert headers["session"][0].endswith(";timeout=10")
        status, headers, _ = client.ask("PLAY", url)
        assert (status, headers["rtp-info"][0].startswith(f"url={url}/trackID=0;seq=")) == (200, True)
        assert client.packet()[0] == 5, "the report comes first: it dates the first picture"
        assert client.packet()[0] == 4
        assert client.ask("GET_PARAMETER", url)[0] == 200
        assert client.ask("RECORD", url)[0] == 501
        assert mount.playing == 1
        assert client.ask("TEARDOWN", url)[0] == 200
        assert mount.playing == 0
        assert client.ask("PLAY", url)[0] == 454, "the session is over"


def test_an_impossible_channel_harms_nobody(server: CameraServerThread) -> None:
    server.add("/yard", quick_clip())
    url = server.url("/yard")
    with PlainClient(server) as client:
        _, headers, _ = client.ask("SETUP", f"{url}/trackID=0", Transport="RTP/AVP/TCP;interleaved=300-301")
        assert headers["transport"] == ["RTP/AVP/TCP;unicast;interleaved=0-1"]
        client.ask("PLAY", url)
        assert client.packet()[0] == 1


def test_a_path_nobody_serves_is_not_found_even_in_the_middle_of_a_conversation(server: CameraServerThread) -> None:
    server.add("/yard", quick_clip())
    with PlainClient(server) as client:
        assert client.ask("DESCRIBE", server.url("/yard"))[0] == 200
        assert client.ask("DESCRIBE", server.url("/shed"))[0] == 404
        assert client.ask("DESCRIBE", server.url("/yard/"))[0] == 200
        assert client.ask("OPTIONS", "*")[0] == 200


def test_a_client_that_says_nothing_is_dropped() -> None:
    with CameraServerThread(timeout_s=0.3) as server:
        mount = server.add("/yard", quick_clip())
        url = server.url("/yard")
        with PlainClient(server) as client:
            client.ask("SETUP", f"{url}/trackID=0", Transport="RTP/AVP/TCP;interleaved=0-1")
            client.ask("PLAY", url)
            for _ in range(4):  # a report on any channel is a sign of life
                time.sleep(0.15)
                client.send(b"$\x01\x00\x04\x80\xc9\x00\x00")
            assert mount.playing == 1
            assert client.hung_up()
        assert mount.playing == 0


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\r\n\r\n",
        b"OPTIONS * RTSP/1.0\r\nx\r\n\r\n",
        b"OPTIONS rtsp://[ RTSP/1.0\r\n\r\n",
        b"OPTIONS * RTSP/1.0\r\nContent-Length: 99999999\r\n\r\n",
    ],
)
def test_what_is_not_rtsp_is_refused(server: CameraServerThread, raw: bytes) -> None:
    with PlainClient(server) as client:
        client.send(raw)
        assert client.answer()[0] == 400
        assert client.hung_up()


def test_a_slow_reader_costs_the_others_nothing(server: CameraServerThread) -> None:
    server.add("/yard", quick_clip())
    url = server.url("/yard")
    with PlainClient(server) as slow:
        slow.ask("SETUP", f"{url}/trackID=0", Transport="RTP/AVP/TCP;interleaved=0-1")
        slow.ask("PLAY", url)  # and reads no more
        with opened(server, "/yard") as container:
            assert rising(watch(container, 10).codes, 50)


def test_the_server_ends_while_people_watch() -> None:
    with ExitStack() as stack:
        server = stack.enter_context(CameraServerThread())
        server.add("/yard", quick_clip())
        with opened(server, "/yard") as container:
            assert watch(container, 40, during=stack.close).ended
    assert server.open_connections == 0


def test_a_path_starts_with_a_slash(server: CameraServerThread) -> None:
    with pytest.raises(ValueError, match="slash"):
        server.add("yard", quick_clip())
