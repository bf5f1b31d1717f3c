"""The upstream that the settings choose: its kind, its credentials and its connections."""
