"""Search in the store: an index written with each message, and `GET /v1/search`."""
