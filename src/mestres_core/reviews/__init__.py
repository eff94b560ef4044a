"""What customers think of products."""
