"""Usage of the current month. Pax8's API keeps no history of it: what is to stay must be copied while it is there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from msp_licensing.pax8.models import UsageLine, UsageSummary
from msp_licensing.pax8.operations.base import Operations, day, segment
from msp_licensing.pax8.walk import Listing, OnUnreadable, matching


class UsageOperations(Operations):
	"""Operations on usage."""

	def usage_summaries(
		self,
		subscription_id: str,
		*,
		resource_group: str | None = None,
		company_id: str | None = None,
		on_unreadable: OnUnreadable | None = None,
	) -> Iterator[UsageSummary]:
		"""Walk the usage of a subscription in the current month, one summary for each resource group.

		Args:
			subscription_id: Pax8's id; rows that do not name their subscription are given it.
			resource_group, company_id: `None` = not filtered. Rows without a company are kept whatever is asked for.
			on_unreadable: see `Pax8Client`.

		Raises:
			NotFound: there is no such subscription.
			Pax8Error: while walking; `IncompleteWalk` at the end when rows are missing.
		"""
		resource_group, company_id = resource_group or None, company_id or None
		return self._walk(
			Listing(
				"usage_summaries",
				f"/subscriptions/{segment(subscription_id)}/usage-summaries",
				UsageSummary,
				params={"resourceGroup": resource_group, "companyId": company_id},
				defaults={"subscriptionId": subscription_id.strip()},
				keep=matching(resource_group=resource_group, company_id=company_id),
				on_unreadable=on_unreadable,
			)
		)

	def usage_summary(self, summary_id: str) -> UsageSummary:
		"""Return one summary as it is now. Raises `NotFound`, or any other `Pax8Error` of a read."""
		path = f"/usage-summaries/{segment(summary_id)}"
		return self._one("usage_summary", path, summary_id, UsageSummary)

	def usage_lines(
		self,
		summary_id: str,
		usage_date: date,
		product_id: str | None = None,
		*,
		on_unreadable: OnUnreadable | None = None,
	) -> list[UsageLine]:
		"""Return the lines of a summary for one day, all of them.

		Lines have no id. Pax8 documents the day as required, and no paging, although its answer has pages: an answer that
		does not speak of pages is the whole list, unless it is exactly a full page.

		Args:
			summary_id: Pax8's id.
			usage_date: the day of the usage.
			product_id: `None` = not filtered.
			on_unreadable: see `Pax8Client`.

		Raises:
			NotFound: there is no such summary.
			Pax8Error: as for any read; `IncompleteWalk` when lines are missing.
		"""
		asked, product_id = day(usage_date), product_id or None
		if asked is None:
			raise TypeError("usage_date must be a date")
		listing = Listing(
			"usage_lines",
			f"/usage-summaries/{segment(summary_id)}/usage-lines",
			UsageLine,
			params={"usageDate": asked, "productId": product_id},
			nameless=True,
			totals="optional",
			defaults={"usageSummaryId": summary_id.strip()},
			keep=matching(usage_date=date.fromisoformat(asked), product_id=product_id),
			on_unreadable=on_unreadable,
		)
		return list(self._walk(listing))
