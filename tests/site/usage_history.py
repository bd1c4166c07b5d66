"""Usage of many days, stored in the way in which a sync stores it, without a server to be asked."""

from datetime import date, datetime, timedelta
from typing import Any

from usage_helpers import SENTINEL

from msp_licensing.sandbox import storybook

CEDAR, MUELLER, NORTHWIND = (
	storybook.CEDAR_AND_PINE,
	storybook.MUELLER_UND_SOEHNE,
	storybook.NORTHWIND_PARTNER,
)


class History:
	"""Stores totals day by day; `usage` is the fixture of the tests."""

	def __init__(self, usage: Any) -> None:
		self.usage = usage

	def keep(self, day: date, group: str, charges: Any, **values: Any) -> None:
		"""One total of one group. `values`: `cost`, `currency`, `trial`, `company`, `vendor`, `subscription`."""
		self.keep_all(day, {group: charges}, **values)

	def keep_all(
		self,
		day: date,
		totals: dict[str, Any],
		*,
		cost: Any = None,
		currency: str | None = "USD",
		trial: bool = False,
		company: str | None = CEDAR,
		vendor: str = "SentinelOne",
		subscription: str = SENTINEL,
	) -> None:
		from msp_licensing.pax8 import UsageSummary
		from msp_licensing.sync.kinds.usage import months
		from msp_licensing.sync.kinds.usage.readings import reading_begins, recognise
		from msp_licensing.sync.kinds.usage.scope import Products, Scoped
		from msp_licensing.sync.kinds.usage.store import Writer
		from msp_licensing.sync.kinds.usage.walk import _Uncounted

		self.usage.clocks.set(datetime(day.year, day.month, day.day, 4, 0))
		months.close()
		scoped = Scoped(subscription, None, "Usage", vendor, False)
		summaries = [
			UsageSummary.model_validate(
				{
					"id": f"{abs(hash((name, currency, trial))) % 10**12:012d}",
					"companyId": company,
					"resourceGroup": name,
					"vendorName": vendor,
					"currentCharges": charges,
					"partnerTotal": cost,
					"currencyCode": currency,
					"isTrial": trial,
				}
			)
			for name, charges in totals.items()
		]
		readings = recognise([(scoped, summaries)])
		writer = Writer(_Uncounted(), Products(), reading_begins(), commit=False)
		for reading in readings:
			reading.month = day.replace(day=1)
			writer.add(reading, day)
		writer.flush()
		self.usage.site.db.commit()

	def month(self, first: date, last: date, group: str, daily: float, **values: Any) -> None:
		"""A total for each day from `first` to `last` of a month; each day adds the same."""
		for number in range((last - first).days + 1):
			day = first + timedelta(days=number)
			cost = {"cost": values["cost"] * day.day} if "cost" in values else {}
			self.keep(day, group, daily * day.day, **{**values, **cost})
