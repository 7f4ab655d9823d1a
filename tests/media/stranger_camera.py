"""A camera that is not ours: gst-rtsp-server, run by the system's own Python. Prints its port, serves until killed.

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
SOUND = "audiotestsrc is-live=true volume=0.1 ! mulawenc ! rtppcmupay name=pay1 pt=0"


def main() -> None:
    """`/open` asks for nothing, `/closed` for digest credentials u / p, `/sound` has no picture."""
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtspServer.RTSPAuthMethod.DIGEST if hasattr(GstRtspServer, "RTSPAuthMethod") else 2)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth.add_digest("u", "p", token)
    anybody = GstRtspServer.RTSPToken()
    anybody.set_string("media.factory.role", "anybody")
    auth.set_default_token(anybody)
    server.set_auth(auth)
    for path, launch, roles in (
        ("/open", f"( {VIDEO} {SOUND} )", ("anybody", "viewer")),
        ("/closed", f"( {VIDEO} )", ("viewer",)),
        ("/sound", "( audiotestsrc is-live=true volume=0.1 ! mulawenc ! rtppcmupay name=pay0 pt=0 )", ("anybody",)),
    ):
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(launch)
        factory.set_shared(True)
        for role in roles:
            factory.add_role_from_structure(
                Gst.Structure.new_from_string(
                    f"{role}, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"
                )
            )
        server.get_mount_points().add_factory(path, factory)
    server.attach(None)
    print(server.get_bound_port())
    sys.stdout.flush()
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
