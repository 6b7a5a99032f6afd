"""Isolation tiers behind one interface: what a sandbox sees, what it may use, how it is started."""

from grader.sandbox.spec import Sandbox, Tier
from grader.sandbox.tiers import TIERS, choose

__all__ = ["TIERS", "Sandbox", "Tier", "choose"]
