"""What a buyer means to buy."""
