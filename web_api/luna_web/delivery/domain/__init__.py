"""What is decided about deliveries, over plain values: no session, clock, socket or id generator in here."""
