"""Every query of the catalog: of titles, of copies, of lists and searches, of the vocabulary, for export."""
