"""The migrations. A migration must not change after its release."""
