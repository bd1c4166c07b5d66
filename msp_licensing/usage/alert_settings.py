"""From which amounts on people are told of usage: Licensing Settings, the vendors' own thresholds, and the clients' policies."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import frappe
from frappe import _
from frappe.utils import cint, escape_html, flt

from msp_licensing.changes.policies import CLIENT_POLICY
from msp_licensing.changes.pricing import decimal
from msp_licensing.rules.values import vendor_key

SETTINGS, AMOUNT = "Licensing Settings", "Licensing Usage Amount"
INHERIT, OWN, NEVER = "Inherit", "Own", "Never"
DEFAULT_FACTOR = Decimal(3)

Client = tuple[str, str]


@dataclass(frozen=True)
class Thresholds:
	"""When a day of a resource group is told of.

	Attributes:
		factor: times the usual day. vendors, clients: those with a threshold of their own; None = never.
		minimums: by currency, how much above the usual day. other: in all other currencies.
	"""

	enabled: bool
	factor: Decimal
	minimums: dict[str, Decimal] = field(default_factory=dict)
	other: Decimal = Decimal(0)
	vendors: dict[str, Decimal | None] = field(default_factory=dict)
	clients: dict[Client, Decimal | None] = field(default_factory=dict)

	def factor_for(self, client: Client, vendors: Iterable[str | None]) -> Decimal | None:
		"""The threshold that counts: the client's before the vendor's before the one of all; None: never tell.

		Args:
			vendors: every name by which the vendor is known.
		"""
		if client in self.clients:
			return self.clients[client]
		for vendor in vendors:
			if (key := vendor_key(vendor)) in self.vendors:
				return self.vendors[key]
		return self.factor

	def minimum_in(self, currency: str) -> Decimal:
		return self.minimums.get(currency, self.other)

	@property
	def lowest_minimum(self) -> Decimal:
		return min([self.other, *self.minimums.values()])


def thresholds() -> Thresholds:
	"""As they are now. Four queries at most."""
	settings = frappe.get_doc(SETTINGS)
	factor = decimal(settings.spike_factor) if flt(settings.spike_factor) else DEFAULT_FACTOR
	return Thresholds(
		enabled=bool(cint(settings.usage_alerts)),
		factor=factor,
		minimums={row.currency: decimal(row.amount) for row in settings.spike_minimums},
		other=decimal(settings.spike_minimum or 0),
		vendors={
			vendor_key(row.vendor): None
			if cint(row.no_alerts)
			else decimal(row.spike_factor)
			if flt(row.spike_factor)
			else factor
			for row in settings.usage_vendors
		},
		clients=_of_clients(factor),
	)


def _of_clients(factor: Decimal) -> dict[Client, Decimal | None]:
	"""What clients' policies say. Of several, which merged clients leave, the one that tells sooner."""
	rows: dict[Client, list[Any]] = defaultdict(list)
	for row in frappe.get_all(
		CLIENT_POLICY, {"disabled": 0}, ["client_doctype", "client", "usage_alerts", "spike_factor"]
	):
		rows[row.client_doctype, row.client].append(row)
	return {
		client: _sooner(own, factor)
		for client, own in rows.items()
		if any(row.usage_alerts in (OWN, NEVER) for row in own)
	}


def _sooner(own: Iterable[Any], factor: Decimal) -> Decimal | None:
	"""The lowest threshold of some policies; None where all say never. `factor`: what is inherited."""
	found = [
		(decimal(row.spike_factor or 0) or factor) if row.usage_alerts == OWN else factor
		for row in own
		if row.usage_alerts != NEVER
	]
	return min(found) if found else None


def strictest(own: Sequence[Any]) -> dict[str, Any]:
	"""The fields of one Licensing Client Policy that tells as soon as the soonest of several does.

	Args:
		own: policies as documents.
	"""
	lowest: dict[str, Decimal] = {}
	for row in (row for one in own for row in one.usage_budgets):
		amount = decimal(row.amount or 0)
		if amount > 0:
			lowest[row.currency] = min(amount, lowest.get(row.currency, amount))
	values: dict[str, Any] = {
		"usage_budgets": [
			{"currency": currency, "amount": float(amount)} for currency, amount in lowest.items()
		]
	}
	if any(one.usage_alerts in (OWN, NEVER) for one in own):
		factor = _sooner(own, thresholds().factor)
		values["usage_alerts"] = NEVER if factor is None else OWN
		if factor is not None:
			values["spike_factor"] = float(factor)
	return values


def budgets() -> dict[tuple[str, str, str], Decimal]:
	"""The budgets of clients for a month: by client DocType, client and currency. Of several the lowest counts."""
	rows: list[Any] = frappe.db.sql(
		"""select p.client_doctype, p.client, b.currency, cast(min(b.amount) as char)
		from `tabLicensing Usage Amount` b join `tabLicensing Client Policy` p on p.name = b.parent
		where b.parenttype = 'Licensing Client Policy' and b.parentfield = 'usage_budgets' and b.amount > 0
			and p.disabled = 0
		group by p.client_doctype, p.client, b.currency"""
	)
	return {(doctype, client, currency): Decimal(amount) for doctype, client, currency, amount in rows}


def refuse_same_currency(rows: Iterable[Any]) -> None:
	"""Raises frappe.ValidationError where a currency stands in a table more than once: nobody could tell which row counts."""
	_refuse_same(row.currency for row in rows)


def refuse_same_vendor(rows: Iterable[Any]) -> None:
	"""The same for vendors, however they are spelled."""
	_refuse_same((row.vendor for row in rows), vendor_key)


def _refuse_same(values: Iterable[str], key: Callable[[str], str] = str) -> None:
	seen: set[str] = set()
	for value in values:
		if key(value) in seen:
			frappe.throw(_("{0} is in the table more than once.").format(escape_html(value)))
		seen.add(key(value))
