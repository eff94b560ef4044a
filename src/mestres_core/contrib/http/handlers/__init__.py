"""One file per noun: each handler turns one call into calls of the shop, and its answer into a reply."""
