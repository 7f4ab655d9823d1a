"""The listener: tickets in, fragments out. One asyncio protocol for each viewer, nothing between it and the socket.

`listener` reads the head of a request, `viewer` is the socket of one viewer, `stream` is what many viewers watch,
`sessions` is the law of leases (pure), `leases` brings it together with the bus.
"""
