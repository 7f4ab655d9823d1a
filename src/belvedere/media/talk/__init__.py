"""A voice on its way to a camera: from a socket of ours to the ONVIF backchannel of the camera's own RTSP.

`talker` is the socket and its law, `floor` says whose turn it is, `speech` keeps the pace and drops what is late,
`voice` encodes, `backchannel` is the way to the camera, by a connection of its own: the picture is never lost for it.
`rtsp`, `digest` and `description` are what it speaks there, `brands` what some cameras want besides.
"""
