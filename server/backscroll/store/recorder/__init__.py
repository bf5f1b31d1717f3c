"""The recorder: keeps what a model server answers to the requests that pass through the store."""
