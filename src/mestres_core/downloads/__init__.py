"""Digital goods: the files that a buyer may fetch once an order is paid."""
