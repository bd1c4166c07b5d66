"""What the tests of usage share: a site that has been synced, two clocks that go together, and a look at the rows."""

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

from msp_licensing.sandbox import storybook

AZURE, ACRONIS, SENTINEL = (
	storybook.CEDAR_AZURE,
	storybook.MUELLER_ACRONIS_USAGE,
	storybook.NORTHWIND_SENTINELONE_USAGE,
)
GROUP, SNAPSHOT, MONTH, LINE, ASSIGNMENT = (
	"Pax8 Resource Group",
	"Pax8 Usage Snapshot",
	"Pax8 Usage Month",
	"Pax8 Usage Line",
	"Pax8 Usage Assignment",
)
TABLES = (GROUP, SNAPSHOT, MONTH, LINE, ASSIGNMENT)

# The tests' subscriptions began long before.
START = datetime(2027, 3, 14, 12, 0)


class Clocks:
	"""The clocks of the app and of the sandbox, set together or apart."""

	def __init__(self, moving: Any, sandbox: Any) -> None:
		self._app, self._sandbox = moving, sandbox
		sandbox.clock.freeze()

	def set(self, utc: datetime, *, sandbox: datetime | None = None) -> None:
		"""It is this moment (UTC) here, and the same or another one at Pax8."""
		self._app.set(utc)
		self._sandbox.clock.set((sandbox or utc).replace(tzinfo=timezone.utc))


class Usage:
	"""A site whose usage can be synced: see the fixture `usage` of the tests."""

	def __init__(self, site: Any, sandbox: Any, clocks: Clocks) -> None:
		self.site, self.sandbox, self.clocks = site, sandbox, clocks

	def sync(self, **options: Any) -> Any:
		"""Runs a sync with a client that does not wait between tries; returns its record."""
		from faulty import sync

		return sync(self.site, self.sandbox, "Usage", **options)

	def on(self, *moment: int, **options: Any) -> Any:
		"""Runs a sync at a moment (UTC), such as `on(2027, 3, 15, 4, 0)`."""
		self.clocks.set(datetime(*moment))
		return self.sync(**options)

	def put(self, group: str | None, subscription: str = SENTINEL, **changes: Any) -> None:
		self.sandbox.set_usage(subscription, group, **changes)

	def group(self, text: str | None = None, subscription: str = SENTINEL, **filters: Any) -> Any:
		"""The one group with this text."""
		found = self.groups(text, subscription, **filters)
		assert len(found) == 1, found
		return found[0]

	def groups(self, text: str | None = None, subscription: str = SENTINEL, **filters: Any) -> list[Any]:
		self.site.db.rollback()
		wanted = {"subscription_id": subscription, **filters}
		found = [
			self.site.get_doc(GROUP, name)
			for name in self.site.get_all(GROUP, wanted, pluck="name", order_by="same_text_number")
		]
		# Frappe rewrites queries that hold "ifnull(", also where it stands in a text.
		return [group for group in found if text is None or group.resource_group == text]

	def snapshots(self, group: Any, **filters: Any) -> list[Any]:
		self.site.db.rollback()
		return self.site.get_all(
			SNAPSHOT, {"resource_group": group.name, **filters}, ["*"], order_by="day, currency"
		)

	def months(self, group: Any, **filters: Any) -> list[Any]:
		self.site.db.rollback()
		return self.site.get_all(
			MONTH, {"resource_group": group.name, **filters}, ["*"], order_by="month, currency, is_trial"
		)

	def assign(self, group: Any, client: str, **options: Any) -> str:
		from msp_licensing.setup import demo
		from msp_licensing.usage import assignments

		name = assignments.assign(group.name, demo.site_client_doctype(), client, **options)
		self.site.db.commit()
		return name

	def table(self, doctype: str) -> list[Any]:
		self.site.db.rollback()
		return self.site.db.sql(f"select * from `tab{doctype}` order by name", as_dict=True)

	def everything(self) -> dict[str, list[Any]]:
		return {doctype: self.table(doctype) for doctype in TABLES}


def money(value: Any) -> Decimal:
	return Decimal(str(value)).quantize(Decimal("0.001"))
