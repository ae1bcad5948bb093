"""Bulk import: a file of titles becomes titles of the catalog, however large the file and whatever dies meanwhile.

An upload is stored in pieces (`upload`), a worker finds it by a row with a lease (`foreman`) and gives it to a process
of its own (`run`). That process reads records (`readers`), takes each for an `Entry` by the table in `fields`, decides
what it means for the catalog (`finding`, `merging`), and writes what follows together with how far it has come
(`writing`, `importing`).
"""
