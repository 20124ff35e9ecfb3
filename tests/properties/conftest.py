"""How long the properties are tried: `PROPERTIES=quick`, `ci` or `long`."""

from hypothesis import HealthCheck, Phase, settings

# What fails is cut down by `running.shrink`, which knows what it cuts.
_COMMON = settings(
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
# The same schedules each time: whoever runs the quick suite and changed
# nothing shall not be the one who meets a new one.
settings.register_profile(
    "quick", _COMMON, max_examples=250, derandomize=True, database=None
)
settings.register_profile("ci", _COMMON, max_examples=2500, print_blob=True)
# One round of `python -m tests.properties`, which goes on and on.
settings.register_profile("long", _COMMON, max_examples=1000, database=None)
