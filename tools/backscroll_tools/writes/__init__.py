"""Writing a message once, where the upstream does not see to that."""
