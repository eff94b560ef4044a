"""What the shop holds about a person: to be joined, told and erased."""
