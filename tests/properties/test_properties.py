"""No schedule that hypothesis can think of breaks an invariant."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.properties.generate import NAMES, schedules
from tests.properties.running import check

PROFILE = settings.get_profile(os.environ.get("PROPERTIES", "quick"))


@pytest.mark.parametrize("mix", NAMES)
def test_no_schedule_breaks_an_invariant(mix: str) -> None:
    @PROFILE
    @given(data=st.data())
    def run(data: st.DataObject) -> None:
        size = data.draw(st.sampled_from((10, 25, 40)))
        check(data.draw(schedules(size=size, mixes=(mix,))))

    run()
