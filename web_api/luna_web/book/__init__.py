"""The catalog: titles, and their copies as things with a barcode."""
