"""Search in the store: an index that is updated with each message, and `GET /v1/search`."""
