"""From one configuration to the next, without ever splitting the quorum.

A `Changer` computes the next configuration and refuses what is not safe; it
changes nothing itself. `restore` rebuilds a configuration from its stored
form by way of the same changes.
"""

from port.confchange.confchange import Changer, describe
from port.confchange.restore import restore, to_conf_change_single

__all__ = ["Changer", "describe", "restore", "to_conf_change_single"]
