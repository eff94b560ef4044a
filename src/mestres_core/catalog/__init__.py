"""Products, variants, categories, images, attributes."""
