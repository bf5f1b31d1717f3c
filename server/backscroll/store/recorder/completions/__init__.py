"""Requests for chat completions: answered by the model server, and recorded."""
