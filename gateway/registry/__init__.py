"""The state that decisions look up: orders, consents, suspensions, revoked tokens."""
