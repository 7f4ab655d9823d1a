"""A camera that is not ours and listens: gst-rtsp-server's ONVIF backchannel. Prints its port, serves until killed.

`stranger_door.py FILE`: what is said at `/door` (µ-law) goes into FILE, as it comes. `/deaf` has no backchannel.
Not imported by tests: they start it as a program, because GStreamer's bindings belong to the system.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402  # versions are chosen first

VIDEO = (
    "videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=180,framerate=25/1 ! "
    "x264enc tune=zerolatency key-int-max=25 bitrate=300 ! video/x-h264,profile=baseline ! rtph264pay name=pay0 pt=96"
)
EAR = (
    '( capsfilter caps="application/x-rtp, media=audio, payload=0, clock-rate=8000, encoding-name=PCMU" '
    "name=depay_backchannel ! rtppcmudepay ! filesink location={} buffer-mode=unbuffered async=false sync=false )"
)


def main() -> None:
    """Serve one door that listens, and one that does not."""
    Gst.init(None)
    server = GstRtspServer.RTSPOnvifServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    door = GstRtspServer.RTSPOnvifMediaFactory()
    door.set_media_gtype(GstRtspServer.RTSPOnvifMedia)
    door.set_launch(f"( {VIDEO} )")
    door.set_backchannel_launch(EAR.format(sys.argv[1]))
    deaf = GstRtspServer.RTSPMediaFactory()
    deaf.set_launch(f"( {VIDEO} )")
    for path, factory in (("/door", door), ("/deaf", deaf)):
        server.get_mount_points().add_factory(path, factory)
    server.attach(None)
    print(server.get_bound_port())
    sys.stdout.flush()
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
