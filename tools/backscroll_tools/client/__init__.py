"""The async client: functions without I/O for requests and replies, and a small I/O core."""
