"""The migrations, which never change after their release."""
