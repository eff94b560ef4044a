"""Ways to send a cart to an address."""
