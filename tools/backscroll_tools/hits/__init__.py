"""The messages that a query finds: by an upstream's index, or by reading messages one by one."""
