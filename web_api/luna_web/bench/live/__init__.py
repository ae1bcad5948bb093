"""The live channel under load: robots speak, hundreds of clients watch, some of them stop reading."""
