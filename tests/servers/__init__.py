"""Real servers for the tests: found on the machine, or carried by a wheel, and always stopped."""
