"""What every service stands on: configuration, database, envelope, errors, principals, outbox. It imports no service."""
