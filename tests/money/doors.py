"""The services of pharmacy and billing, as sequences give them commands: it is known which one was asked."""

from typing import Any

DEPARTMENTS = ("pharmacy", "billing")


class Door:
    """A department's service; ``asked`` is the command that was looked up last, as routes declare it."""

    asked = ""

    def __init__(self, department: str, service: Any) -> None:
        self.department, self._service = department, service

    def __getattr__(self, name: str) -> Any:
        Door.asked = f"{self.department}.{name}"
        return getattr(self._service, name)
