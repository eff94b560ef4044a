"""What every room needs and that knows nothing of caches, breakers or HTTP. Standard library only."""
