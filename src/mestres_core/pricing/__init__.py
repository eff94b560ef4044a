"""What a piece costs: which of its prices counts for this buyer, this many, now."""
