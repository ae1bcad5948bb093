"""The worker: hands events to those who want them, once each, whatever dies in between.

The outbox is the truth. A relay finds events that nobody was told of, notes for each consumer and aggregate that there
is something to drain (`drains_due`), and nudges Celery. A nudge that is lost is sent again; one that comes twice finds
nothing to do: how far a consumer has come with an aggregate is in `consumer_offsets`, moved with the effect.
"""
