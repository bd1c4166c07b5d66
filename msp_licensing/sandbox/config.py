"""What can be set on a sandbox, and which of it can be changed while it runs."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class SandboxConfig:
	"""Settings of one sandbox.

	`companies`, `products` and `subscriptions` are totals and include the storybook, which is always
	there: a total below the storybook's own count gives the storybook alone.
	"""

	seed: int = 1
	companies: int = 40
	products: int = 300
	subscriptions: int = 1200
	client_id: str = "sandbox"
	client_secret: str = "sandbox"
	rate_limit: int = 1000
	"""Calls accepted in any 60 seconds of the sandbox clock, 0 = no limit."""
	retry_after: bool = True
	"""Whether a 429 says `Retry-After`. Pax8 documents no such header, so clients must do without too."""
	provisioning_seconds: float = 3.0
	"""Seconds of the sandbox clock for which a changed subscription shows as PendingAutomated."""
	latency_ms: float = 0.0
	"""Real milliseconds waited before each answer of the API (not of the control endpoints)."""
	azure_usage_lines: str = "running"
	"""What Azure's usage lines of a day are: "running" totals of the month, or that day's own ("daily")."""
	now: datetime | None = None
	"""Where the sandbox clock starts (time-zone aware). None = the machine's time."""

	def changed(self, changes: dict[str, Any], allowed: frozenset[str]) -> SandboxConfig:
		"""Return a copy with `changes` applied.

		Raises ValueError, naming the setting, for one that is unknown, not in `allowed`, or of a wrong type
		or sign.
		"""
		for name, value in changes.items():
			if name not in allowed:
				raise ValueError(f"'{name}' cannot be set here; these can: {', '.join(sorted(allowed))}")
			kind = _KINDS[name]
			if name in _CHOICES:
				if value not in _CHOICES[name]:
					raise ValueError(f"'{name}' must be one of {', '.join(_CHOICES[name])}")
				continue
			if kind is bool:
				if not isinstance(value, bool):
					raise ValueError(f"'{name}' must be true or false")
				continue
			if isinstance(value, bool) or not isinstance(value, (int, float) if kind is float else int):
				raise ValueError(f"'{name}' must be a {'number' if kind is float else 'whole number'}")
			if value < 0 and name != "seed":
				raise ValueError(f"'{name}' must not be negative")
		return replace(self, **changes)

	def as_dict(self) -> dict[str, Any]:
		"""The settings without the credentials, for the control endpoints."""
		shown = {
			field.name: getattr(self, field.name)
			for field in fields(self)
			if field.name not in ("client_id", "client_secret", "now")
		}
		return shown


_KINDS: dict[str, type] = {
	"seed": int,
	"companies": int,
	"products": int,
	"subscriptions": int,
	"rate_limit": int,
	"retry_after": bool,
	"provisioning_seconds": float,
	"latency_ms": float,
	"azure_usage_lines": str,
}
_CHOICES = {"azure_usage_lines": ("running", "daily")}
WHILE_RUNNING = frozenset(
	{"rate_limit", "retry_after", "provisioning_seconds", "latency_ms", "azure_usage_lines"}
)
ON_RESET = frozenset(_KINDS)
