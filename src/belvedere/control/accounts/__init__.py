"""One person's login: account, sign-in sessions, API tokens. Acts on the actor's own account only."""
