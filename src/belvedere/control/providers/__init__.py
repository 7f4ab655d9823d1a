"""Service providers: who sets things up for an owner, by the owner's leave, until a date, and never against him."""
