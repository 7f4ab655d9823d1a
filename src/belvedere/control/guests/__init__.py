"""Guest links: a camera for somebody without an account. The link's id is the principal of its grants."""
