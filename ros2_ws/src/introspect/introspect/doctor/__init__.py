"""``introspect doctor``: finds what is wrong, and says the cure."""

from introspect.doctor.examination import examine
from introspect.doctor.finding import Finding, Level

__all__ = ["Finding", "Level", "examine"]
