"""What is taken off a price."""
