"""Of all tests: how Hypothesis works here."""

from hypothesis import HealthCheck, settings

# No test depends on how busy the machine is.
settings.register_profile("luna", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("luna")
