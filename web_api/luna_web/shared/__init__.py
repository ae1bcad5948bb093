"""What every service stands on: configuration, database, envelope, errors, rules, outbox. It imports no service."""
