"""Isolation tiers behind one interface: what a sandbox sees, what it may use, how it is started."""

from grader.sandbox.spec import Process, Sandbox, Tier
from grader.sandbox.tiers import TIERS, choose

__all__ = ["TIERS", "Process", "Sandbox", "Tier", "choose"]
