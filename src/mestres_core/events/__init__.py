"""What happened, written in the transaction that made it happen, delivered afterwards."""
