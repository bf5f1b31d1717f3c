"""The async client: requests and replies as pure functions around one place that does I/O."""
