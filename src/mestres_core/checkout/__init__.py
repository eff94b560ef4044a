"""From cart to order: quote, begin, pay, apply."""
