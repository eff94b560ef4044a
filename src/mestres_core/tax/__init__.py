"""What the state gets of a sale."""
