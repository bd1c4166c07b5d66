"""The clock of applying, moved forward: hours of waiting pass within a test."""

from datetime import timedelta
from typing import Any


class MovingClock:
	"""All that looks at the time while a change is applied, observed or reconciled sees this one."""

	def __init__(self, monkeypatch: Any) -> None:
		from frappe.utils import now_datetime

		from msp_licensing.changes import apply, attempts, observe, reconcile, result

		self._real, self.ahead = now_datetime, timedelta()
		for module in (apply, attempts, observe, reconcile, result):
			monkeypatch.setattr(module, "now_datetime", self.now)

	def now(self) -> Any:
		return self._real() + self.ahead

	def forward(self, **by: float) -> None:
		self.ahead += timedelta(**by)
