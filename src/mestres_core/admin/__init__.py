"""What the shop's own people see and do: the dashboard, reports, bulk changes, exports."""
