"""The migration steps, which do not change after their release."""
