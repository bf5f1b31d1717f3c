"""MCP over Streamable HTTP: authentication, limits, and dispatch to the MCP server."""

# `serving/` uses these names of uvicorn and h11, which are not public. pyproject.toml therefore
# limits uvicorn's version, and tests/http/test_uvicorn_names.py compares this list with the code.
#
#   H11Protocol has connection_made connection_lost data_received handle_events on_response_complete
#       pause_writing resume_writing send_400_response app conn config cycle flow loop scope
#       transport
#   RequestResponseCycle has response_started
#   Server has startup capture_signals config lifespan server_state servers should_exit started
#   ServerState has connections
#   Config has backlog http_protocol_class loaded_app ssl
#   LifespanOff has state
#   Connection of h11 has our_state their_state trailing_data
