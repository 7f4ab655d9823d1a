"""Everything on one machine: started in order, kept alive, stopped in order, leaving nothing behind.

Knows processes, files and addresses, and neither plane. Each role is a process of its own, so that a native crash in
one never takes another along; and each dies with the supervisor, whatever that one dies of.
"""
