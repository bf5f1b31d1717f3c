"""Makes the items of a conversation from what a file has, in the form of OpenAI's API."""
