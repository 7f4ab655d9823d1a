"""One stream of one camera: what it shows, to whom, on which clock, and what is wrong with it."""

import asyncio
import math
import secrets
import time
from dataclasses import dataclass
from typing import Final

from belvedere.demo.backchannel import Ear
from belvedere.demo.clips import Clip
from belvedere.demo.coded_sound import CodedSound
from belvedere.demo.outlets import Outlet
from belvedere.demo.rtp import CodedSoundTrack, RtpStream, SoundTrack, Track, VideoTrack
from belvedere.demo.rtsp_auth import Login
from belvedere.demo.sound import Sound, tone

_REPORT_EVERY_S: Final = 5.0
#: Later than this, and we do not catch up but go on with the present: the machine has slept.
_MAX_LAG_S: Final = 2.0


@dataclass
class Faults:
    """What is wrong with a camera. Set and unset at any time, from any thread; the default is: nothing.

    Those of the conversation act on the next request, those of the picture on the next packet.
    """

    #: Never answer a request.
    silent: bool = False
    #: Answer with something that is not RTSP.
    garbage: bool = False
    #: 401 whatever the password.
    unauthorized: bool = False
    #: 404.
    missing: bool = False
    #: 302 to this address.
    redirect_to: str = ""
    #: Over UDP, say that packets come from here, and want them back there.
    foreign_source: str = ""
    #: Announce sound alone, a tone if there is no other.
    audio_only: bool = False
    #: Keep the connection, send nothing.
    stalled: bool = False
    #: Send no picture that could be decoded by itself.
    no_key_frames: bool = False
    #: RTP time stamps are off by so many seconds; a change while playing is a jump.
    jump_s: float = 0.0
    #: Show this clip instead: another size, another codec.
    clip: Clip | None = None
    #: Asked for a backchannel that is not there, answer as if nobody had asked, instead of 551.
    ignores_require: bool = False
    #: Hang up when the backchannel is set up.
    drops_ear: bool = False
    #: Somebody talks already, says the camera.
    ear_busy: bool = False
    #: Say yes to everything, and play nothing unless a track to receive is set up, too (seen with gst-rtsp-server).
    deaf_alone: bool = False
    #: Answer so many seconds late.
    late_s: float = 0.0


class Session:
    """One viewer of one mount: which track goes where."""

    def __init__(self, mount: "Mount") -> None:
        """Nothing is set up yet."""
        self.id = secrets.token_hex(8)
        self.mount = mount
        self.outlets: dict[int, Outlet] = {}
        #: tracks whose clock this viewer does not know yet
        self.unreported: set[int] = set()
        #: the interleaved channel on which it speaks
        self.ear_channel: int | None = None

    def take(self, track: int, outlet: Outlet) -> None:
        """Set a track up, or set it up anew."""
        if previous := self.outlets.pop(track, None):
            previous.close()
        self.outlets[track] = outlet

    def hear(self, channel: int, packet: bytes) -> None:
        """Take an interleaved packet of the client's: what it says, if it may, or what it says of what it received."""
        ear = self.mount.ear
        is_deaf = self.mount.faults.deaf_alone and not self.outlets
        if ear is not None and channel == self.ear_channel and self.mount.has_begun(self) and not is_deaf:
            ear.take(packet)

    def end(self) -> None:
        """Watch no more, and free what was set up."""
        self.mount.leave(self)
        for outlet in self.outlets.values():
            outlet.close()
        self.outlets.clear()


class Mount:
    """One stream of one camera. Made by `CameraServer.add`."""

    def __init__(
        self, path: str, clip: Clip, *, login: Login | None, audio: Sound | CodedSound | None, faults: Faults
    ) -> None:
        """Start the camera's clock; nothing is sent before somebody watches."""
        self.path = path
        self.login = login
        self.faults = faults
        self._clip = clip
        self._video = VideoTrack(clip)
        self._has_audio = audio is not None
        sound = CodedSoundTrack(audio) if isinstance(audio, CodedSound) else SoundTrack(audio or tone())
        self._streams = [RtpStream(self._video), RtpStream(sound)]
        self._born = time.monotonic()
        #: what it is spoken to through; None: it has no loudspeaker
        self.ear: Ear | None = None
        #: sessions that began to watch, since the start
        self.plays = 0
        self._playing: set[Session] = set()
        self._senders: dict[int, asyncio.Task[None]] = {}

    @property
    def playing(self) -> int:
        """Sessions that are watching now."""
        return len(self._playing)

    def has_begun(self, session: Session) -> bool:
        """Whether this one is watching now."""
        return session in self._playing

    @property
    def packets_sent(self) -> int:
        """RTP packets made so far, each counted once however many watch."""
        return sum(stream.packets_made for stream in self._streams)

    def announced(self) -> list[tuple[int, Track]]:
        """The tracks of an SDP, with their numbers."""
        self._apply_faults()
        announced = {"video": not self.faults.audio_only, "audio": self._has_audio or self.faults.audio_only}
        return [(i, stream.track) for i, stream in enumerate(self._streams) if announced[stream.track.kind]]

    def play(self, session: Session) -> list[tuple[int, int, int]]:
        """Let a session watch. Returns (track, next sequence number, time stamp) for each of its tracks."""
        session.unreported = set(session.outlets)
        self.plays += 1
        self._playing.add(session)
        for index in session.outlets:
            if index not in self._senders:
                self._senders[index] = asyncio.create_task(self._send_forever(index))
        now = self._clock()
        return [(i, self._streams[i].sequence, self._streams[i].timestamp(now)) for i in session.outlets]

    def leave(self, session: Session) -> None:
        """Send no more to this session; the last one out switches off."""
        self._playing.discard(session)
        if not self._playing:
            for sender in self._senders.values():
                sender.cancel()
            self._senders.clear()

    def _clock(self) -> float:
        """Seconds on the camera's own clock, which a fault can set wrong."""
        return time.monotonic() - self._born + self.faults.jump_s

    def _apply_faults(self) -> None:
        self._video.clip = self.faults.clip or self._clip
        self._video.sends_key_frames = not self.faults.no_key_frames

    async def _send_forever(self, index: int) -> None:
        stream = self._streams[index]
        rate = stream.track.rate
        tick = math.ceil((time.monotonic() - self._born) * rate)
        next_report = time.monotonic() + _REPORT_EVERY_S
        while True:
            ahead = self._born + tick / rate - time.monotonic()
            await asyncio.sleep(ahead)  # also when late, so that the others get their turn
            if ahead < -_MAX_LAG_S:
                tick = math.ceil((time.monotonic() - self._born) * rate)
                continue
            if time.monotonic() >= next_report:
                next_report += _REPORT_EVERY_S
                for session in self._playing:
                    session.unreported.add(index)
            self._apply_faults()
            packets = stream.packets(tick, tick / rate + self.faults.jump_s)
            if not self.faults.stalled:
                self._send(index, packets)
            tick += 1

    def _send(self, index: int, packets: list[bytes]) -> None:
        """Give one tick of a track to everybody, a newcomer the time of day first: it dates the very first picture."""
        for session in self._playing:
            if outlet := session.outlets.get(index):
                if index in session.unreported:
                    session.unreported.discard(index)
                    stream = self._streams[index]
                    outlet.send_report(stream.sender_report(self._clock(), time.time()))
                outlet.send(packets)
