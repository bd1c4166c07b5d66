"""The app's clock, moved: hours of waiting, a night on which the clocks change, within a test."""

from datetime import datetime, timedelta
from typing import Any


class MovingClock:
	"""All that asks `msp_licensing.clock` for the time sees this one; Frappe's own `creation` and `modified` do not."""

	def __init__(self, monkeypatch: Any) -> None:
		from msp_licensing import clock

		self._real, self.ahead = clock.utc_now, timedelta()
		monkeypatch.setattr(clock, "utc_now", self.now)

	def now(self) -> datetime:
		return self._real() + self.ahead

	def forward(self, **by: float) -> None:
		self.ahead += timedelta(**by)

	def set(self, utc: datetime) -> None:
		"""It is this moment now (UTC), and goes on from there."""
		self.ahead = utc - self._real()
