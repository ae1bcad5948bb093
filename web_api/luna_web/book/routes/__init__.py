"""HTTP of the catalog."""
