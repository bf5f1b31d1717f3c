"""Defines, reads and validates all settings."""
