"""Authenticates callers, if the settings require it, by a bearer token."""
