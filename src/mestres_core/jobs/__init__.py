"""Work that is asked for now and done soon, by whatever worker is free."""
