"""The media plane: cameras in, viewers out, in one asyncio process that holds no policy, only leases.

It never imports Django and never asks why. What it may send to whom comes from control over the bus
(`belvedere.contracts`), and runs out by itself.
"""
