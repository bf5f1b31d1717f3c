"""Converts the messages, tool calls and reasoning of a file to items of OpenAI's API."""
