"""Who is told what happened, how, and never anybody else. Decided when it happens, and again when it is sent."""
