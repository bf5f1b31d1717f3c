"""Requests for responses: answered by the model server, recorded, continued and cancelled."""
