"""HTTP of the delivery service."""
