"""Usage as charges for a FOCUS file (`rules.focus`): the last total of each month, of what the session's user may see.

The total of a month is one charge. It becomes several only where the usage lines of the day of that total prove to be what
it is made of. Totals of days are never added up.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import frappe
from frappe import _
from frappe.utils import create_batch

from msp_licensing.permissions import ClientRecord
from msp_licensing.rules.focus import Account, Amounts, Charge, Line, is_currency, split
from msp_licensing.sync import own_companies
from msp_licensing.sync.kinds.usage.months import RUNNING, USAGE_MONTH, first_day, month_after

BATCH = 1000

# More would keep a web worker busy for a minute.
MOST = 100_000

NO_AMOUNT, NO_CURRENCY = "no amount", "no currency"


@dataclass
class Export:
	"""Charges of a period.

	Args:
		begin, end: days (UTC); the months that they are in are exported as a whole.
		client: only charges of this client. None: of all that the user may see, those of nobody included.

	Attributes:
		left_out: how many totals cannot be a row, by reason (NO_AMOUNT, NO_CURRENCY); complete once `charges` has ended.
	"""

	begin: date
	end: date
	amounts: Amounts
	client: ClientRecord | None = None
	left_out: Counter[str] = field(default_factory=Counter)

	def charges(self) -> Iterator[Charge]:
		"""Yields charges by month; a number of queries for each thousand totals.

		Raises:
			frappe.ValidationError: there are more totals than MOST.
		"""
		for names in create_batch(self._names(), BATCH):
			totals = _totals(names)
			lines = _lines(names, self.amounts)
			for row in totals:
				if charge := self._charge(row):
					yield from split(charge, lines[row.name])

	def account_of(self, charge: Charge) -> Account:
		if self.amounts == Amounts.COST:
			return Account(self._partner.name, self._partner.company_name, "Pax8")
		return Account(charge.client or "", charge.client_name, self._partner.company_name)

	def __post_init__(self) -> None:
		self._partner = _partner()

	def _names(self) -> list[str]:
		filters: dict[str, Any] = {"month": ("between", [first_day(self.begin), first_day(self.end)])}
		if self.client:
			filters.update(client_doctype=self.client.doctype, client=self.client.name)
		names = frappe.get_list(
			USAGE_MONTH, filters=filters, pluck="name", order_by="month asc, name asc", limit=MOST + 1
		)
		if len(names) > MOST:
			frappe.throw(
				_("There are more than {0} totals. Choose a shorter period or one client.").format(MOST)
			)
		return names

	def _charge(self, row: Any) -> Charge | None:
		amount = _decimal(row, self.amounts.value)
		if amount is None or not is_currency(row.currency):
			self.left_out[NO_AMOUNT if amount is None else NO_CURRENCY] += 1
			return None
		return Charge(
			amount=amount,
			currency=row.currency,
			month=row.month,
			next_month=month_after(row.month),
			until=row.last_day + timedelta(days=1) if row.status == RUNNING else month_after(row.month),
			service=row.product_name,
			publisher=row.vendor,
			category=row.category,
			sku=row.sku,
			subscription=row.subscription_id,
			company=row.pax8_company,
			company_name=row.company_name,
			resource_group=row.resource_group,
			client=row.client,
			client_name=row.client_name,
			month_status=row.status,
			last_day=row.last_day,
			is_trial=bool(row.is_trial),
			customer_charges=_decimal(row, "charges") if self.amounts == Amounts.COST else None,
		)


def _partner() -> Any:
	"""The partner's own company at Pax8, the first of those in Pax8 Settings that is known here.

	Raises:
		frappe.ValidationError: there is none.
	"""
	ids = own_companies.known_ids()
	known = {
		row.name: row
		for row in frappe.get_all("Pax8 Company", {"name": ("in", ids or [""])}, ["name", "company_name"])
	}
	for name in ids:
		if name in known:
			return known[name]
	frappe.throw(
		_(
			"FOCUS needs to know who you are at Pax8. Enter your own company under Own Company IDs in Pax8 Settings, and "
			"sync companies."
		)
	)


# Amounts as text: a float of the database driver has too few digits.
_AMOUNTS = (
	"cast({0}.charges as char) as charges, {0}.has_charges, cast({0}.cost as char) as cost, {0}.has_cost"
)

# The snapshot of the day of a month's last total: it has the company and the summary of that day. The index is given: with
# old statistics the database goes through all snapshots of the day for each total.
_LAST_SNAPSHOT = """left join `tabPax8 Usage Snapshot` s force index (group_day) on s.resource_group = m.resource_group
	and s.day = m.last_day and s.currency = m.currency"""


def _totals(names: Sequence[str]) -> list[Any]:
	return frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - columns of this module, values are parameters
		f"""select m.name, m.month, m.status, m.last_day, m.currency, m.is_trial, m.client, m.client_name,
			{_AMOUNTS.format("m")}, g.subscription_id, g.product_name, g.vendor, g.resource_group,
			p.sku, p.category, s.pax8_company, c.company_name
		from `tabPax8 Usage Month` m
		join `tabPax8 Resource Group` g on g.name = m.resource_group
		{_LAST_SNAPSHOT}
		left join `tabPax8 Product` p on p.name = g.product
		left join `tabPax8 Company` c on c.name = s.pax8_company
		where m.name in %s order by m.month, m.name""",
		(tuple(names),),
		as_dict=True,
	)


def _lines(names: Sequence[str], amounts: Amounts) -> dict[str, list[Line]]:
	"""The usage lines of the day of each total."""
	found: dict[str, list[Line]] = defaultdict(list)
	for row in frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - columns of this module, values are parameters
		f"""select m.name, l.product_name, l.unit, cast(l.quantity as char) as quantity, l.has_quantity,
			{_AMOUNTS.format("l")}
		from `tabPax8 Usage Month` m
		{_LAST_SNAPSHOT}
		join `tabPax8 Usage Line` l on l.resource_group = m.resource_group and l.day = m.last_day
			and l.summary_id = s.summary_id and l.currency = m.currency and l.is_trial = m.is_trial
		where m.name in %s order by l.product_name, l.unit, l.name""",
		(tuple(names),),
		as_dict=True,
	):
		customer = _decimal(row, "charges") if amounts == Amounts.COST else None
		line = Line(
			row.product_name, _decimal(row, "quantity"), row.unit, _decimal(row, amounts.value), customer
		)
		found[row.name].append(line)
	return found


def _decimal(row: Any, amount: str) -> Decimal | None:
	"""An amount or quantity; None where Pax8 gives none."""
	return Decimal(row[amount]) if row[f"has_{amount}"] else None
