"""What every app stands on: ids, clock, errors, the actor, the life of an offer. Imports no other app."""
