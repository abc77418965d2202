"""Which view of a stream a principal gets. Chosen by the server, never asked for by the client."""

from enum import StrEnum


class Audience(StrEnum):
    """Audiences, from the widest allow-list to the narrowest."""

    CLINICAL = "clinical"  # those who treat the patients shown
    STAFF = "staff"  # those who work there but do not treat
    DISPLAY = "display"  # a screen that visitors can read: no name, no flag
    OWN = "own"  # the principal's own notifications
