"""What a store needs now and then, beside its requests."""
