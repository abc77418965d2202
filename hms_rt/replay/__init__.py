"""Drives a running hospital, through its public API, from a timed log of real events."""

from hms_rt.replay.report import Line, Outcome, Report
from hms_rt.replay.run import ReplaySettings, replay

__all__ = ["Line", "Outcome", "ReplaySettings", "Report", "replay"]
