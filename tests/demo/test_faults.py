"""Everything that can be wrong with a camera, and what FFmpeg makes of it: media builds on these answers."""

import time
from itertools import islice, pairwise

import av
import pytest

from belvedere.demo.mounts import Mount
from belvedere.demo.rtsp import CameraServerThread
from demo.rtsp_client import opened, quick_clip, watch


@pytest.fixture
def yard(server: CameraServerThread) -> Mount:
    return server.add("/yard", quick_clip())


def test_stalled_keeps_the_connection_and_sends_nothing(server: CameraServerThread, yard: Mount) -> None:
    def stall() -> None:
        yard.faults.stalled = True

    with opened(server, "/yard") as container:
        with pytest.raises(av.error.ExitError):  # PyAV's word for a read that took too long
            watch(container, 40, during=stall)
        assert server.open_connections == yard.playing == 1


def test_a_stall_ends_in_the_present(server: CameraServerThread, yard: Mount) -> None:
    def stall_for_a_moment() -> None:
        yard.faults.stalled = True
        time.sleep(0.4)
        yard.faults.stalled = False

    with opened(server, "/yard") as container:
        seen = watch(container, 24, during=stall_for_a_moment)
    assert max(b - a for a, b in pairwise(seen.times)) > 0.2


def test_dropped_ends_the_stream(server: CameraServerThread, yard: Mount) -> None:
    with opened(server, "/yard") as container:
        seen = watch(container, 40, during=lambda: server.run(server.drop("/yard")))
    assert seen.ended
    assert yard.playing == 0


def test_drop_means_one_mount(server: CameraServerThread, yard: Mount) -> None:
    server.add("/pool", quick_clip())
    with opened(server, "/pool") as container:
        assert not watch(container, 12, during=lambda: server.run(server.drop("/yard"))).ended
    assert yard.playing == 0


def test_refused_until_accepted_again(server: CameraServerThread, yard: Mount) -> None:
    port = server.port
    with opened(server, "/yard") as container:
        server.run(server.refuse())
        with pytest.raises(av.error.ConnectionRefusedError), opened(server, "/yard"):
            pass
        assert watch(container, 3).codes, "who is in stays in"
    server.run(server.accept())
    assert server.port == port
    with opened(server, "/yard") as container:
        assert watch(container, 1).codes
    assert yard.path == "/yard"


@pytest.mark.parametrize("seconds", [30.0, -30.0])
def test_time_stamps_jump(server: CameraServerThread, yard: Mount, seconds: float) -> None:
    def jump() -> None:
        yard.faults.jump_s = seconds

    with opened(server, "/yard") as container:
        times = watch(container, 20, during=jump).times
    steps = [b - a for a, b in pairwise(times)]
    (jumped,) = (step for step in steps if abs(step) > 1)
    assert jumped == pytest.approx(seconds + 1 / 50, abs=0.01)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("unauthorized", av.error.HTTPUnauthorizedError),
        ("missing", av.error.HTTPNotFoundError),
        ("silent", av.error.InvalidDataError),
        ("garbage", av.error.InvalidDataError),
    ],
)
def test_it_does_not_open(server: CameraServerThread, yard: Mount, fault: str, error: type[Exception]) -> None:
    setattr(yard.faults, fault, True)
    with pytest.raises(error), opened(server, "/yard"):
        pass
    setattr(yard.faults, fault, False)
    with opened(server, "/yard") as container:
        assert watch(container, 1).codes


def test_sound_alone(server: CameraServerThread, yard: Mount) -> None:
    yard.faults.audio_only = True
    with opened(server, "/yard") as container:
        assert [stream.type for stream in container.streams] == ["audio"]


def test_no_key_frames(server: CameraServerThread, yard: Mount) -> None:
    yard.faults.no_key_frames = True
    with opened(server, "/yard") as container:
        packets = list(islice(container.demux(), 16))
    assert not any(packet.is_keyframe for packet in packets)


def test_ffmpeg_follows_a_redirect_anywhere(server: CameraServerThread, yard: Mount) -> None:
    server.add("/pool", quick_clip(size=(160, 96)))
    yard.faults.redirect_to = server.url("/pool")
    with opened(server, "/yard") as container:
        assert container.streams.video[0].width == 160


def test_the_size_changes_while_playing(server: CameraServerThread, yard: Mount) -> None:
    larger = quick_clip(size=(640, 360))

    def change() -> None:
        yard.faults.clip = larger

    with opened(server, "/yard") as container:
        seen = watch(container, 30, during=change)
    assert list(dict.fromkeys(seen.sizes)) == [(320, 180), (640, 360)]
    assert seen.codes[seen.sizes.index((640, 360))] == 0, "the new clip starts with its key frame"


def test_another_codec(server: CameraServerThread, yard: Mount) -> None:
    yard.faults.clip = quick_clip(codec="hevc")
    with opened(server, "/yard") as container:
        assert container.streams.video[0].codec_context.name == "hevc"
