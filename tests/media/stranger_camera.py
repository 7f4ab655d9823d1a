"""A camera that is not ours: gst-rtsp-server, run by the system's own Python. Prints its ports, serves until killed.

Not imported by tests: they start it as a program, because GStreamer's bindings belong to the system.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402  # versions are chosen first

VIDEO = (
    "videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=180,framerate=25/1 ! "
    "x264enc tune=zerolatency key-int-max=25 bitrate=300 ! video/x-h264,profile=baseline ! rtph264pay name=pay0 pt=96"
)
#: pictures that are shown in another order than they are sent in, as cheap recorders do
REORDERED = VIDEO.replace("tune=zerolatency", "bframes=2 b-adapt=false speed-preset=ultrafast").replace(
    "profile=baseline", "profile=main"
)
SOUND = "audiotestsrc is-live=true volume=0.1 ! mulawenc ! rtppcmupay name=pay1 pt=0"


def serve(mounts: dict[str, str], auth: "GstRtspServer.RTSPAuth | None" = None) -> "GstRtspServer.RTSPServer":
    """One server on a loopback port of its own."""
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    if auth:
        server.set_auth(auth)
    for path, launch in mounts.items():
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(launch)
        factory.set_shared(True)
        if auth:
            allowed = "viewer, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"
            factory.add_role_from_structure(Gst.Structure.new_from_string(allowed))
        server.get_mount_points().add_factory(path, factory)
    server.attach(None)
    return server


def main() -> None:
    """First port: `/open`, `/reordered`, and `/sound` without a picture. Second port: `/closed`, by digest, u and p."""
    Gst.init(None)
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth.add_digest("u", "p", token)
    mounts = {"/open": f"( {VIDEO} {SOUND} )", "/reordered": f"( {REORDERED} )"}
    servers = [serve(mounts | {"/sound": f"( {SOUND} )".replace("pay1", "pay0")})]
    servers.append(serve({"/closed": f"( {VIDEO} )"}, auth))
    print(*(server.get_bound_port() for server in servers))
    sys.stdout.flush()
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
