"""Rules of the delivery service. Each function works in the transaction it is given and never ends it."""
