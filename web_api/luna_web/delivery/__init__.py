"""Delivery service: requests, returns, loans and the tasks that robots carry out for them."""
