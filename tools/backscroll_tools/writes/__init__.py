"""Writing a message exactly once, on upstreams that ignore idempotency keys."""
