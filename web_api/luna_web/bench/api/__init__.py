"""`./luna bench api`: requests of readers through the API, beside a bare FastAPI over the same database."""
