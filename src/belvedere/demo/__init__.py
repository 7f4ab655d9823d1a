"""A small world to try Belvedere in: sample cameras with people walking through, and a cast that shares them.

Nothing here is needed by an installation of one's own. The camera server is also the camera of the tests.
"""
