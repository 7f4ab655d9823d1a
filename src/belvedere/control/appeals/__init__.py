"""Appeals: what somebody may do whose way ends at a device with an owner. He asks that owner, or proves he left it."""
