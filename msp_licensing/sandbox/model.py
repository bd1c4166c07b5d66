"""The records the sandbox keeps, and how each looks on the wire.

Wire names and types follow the spec's schemas. Where the field notes say that Pax8 leaves a field out or
sends null, the choice is made from the record's id, so that it is the same on every call.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from msp_licensing.sandbox.dates import as_date, as_offset, as_utc

BILLING_TERMS = ("Monthly", "Annual", "2-Year", "3-Year", "One-Time", "Trial", "Activation")
SUBSCRIPTION_STATUSES = (
	"Active",
	"Cancelled",
	"PendingManual",
	"PendingAutomated",
	"PendingCancel",
	"WaitingForDetails",
	"Trial",
	"Converted",
	"PendingActivation",
	"Activated",
)
COMPANY_STATUSES = ("Active", "Inactive", "Deleted")
TERM_MONTHS = {"Monthly": 1, "1-Year": 12, "Annual": 12, "2-Year": 24, "3-Year": 36}

# Units of each currency per US dollar. Pax8's pricing names no currency; the subscription does.
CURRENCY_FACTORS = {"USD": 1.0, "EUR": 0.92, "GBP": 0.79, "CAD": 1.36, "AUD": 1.52}


@dataclass(slots=True)
class Overrides:
	"""Raw changes to a record's wire form, made from outside to try a client's tolerance."""

	values: dict[str, Any] = field(default_factory=dict)
	absent: tuple[str, ...] = ()

	def apply(self, wire: dict[str, Any]) -> dict[str, Any]:
		"""Return `wire` with the values set and the absent keys removed."""
		wire.update(copy.deepcopy(self.values))
		for name in self.absent:
			wire.pop(name, None)
		return wire


@dataclass(slots=True, eq=False)
class Company:
	"""A company. `currency` is what it is billed in: kept here, shown on its subscriptions."""

	id: str
	name: str
	street: str
	city: str
	state: str
	postal_code: str
	country: str
	phone: str
	website: str
	status: str
	currency: str
	updated: datetime
	street2: str | None = None
	external_id: str | None = None
	bill_on_behalf: bool = False
	self_service: bool = False
	order_approval: bool = False
	overrides: Overrides | None = None

	def wire(self) -> dict[str, Any]:
		"""The spec's Company. `contacts` is only ever sent by the caller, and `externalId` may be absent."""
		address = {
			"street": self.street,
			"street2": self.street2,
			"city": self.city,
			"stateOrProvince": self.state,
			"postalCode": self.postal_code,
			"country": self.country,
		}
		wire: dict[str, Any] = {
			"id": self.id,
			"name": self.name,
			"address": {name: value for name, value in address.items() if value is not None},
			"phone": self.phone,
			"website": self.website,
			"externalId": self.external_id,
			"billOnBehalfOfEnabled": self.bill_on_behalf,
			"selfServiceAllowed": self.self_service,
			"orderApprovalRequired": self.order_approval,
			"status": self.status,
			"updatedDate": as_offset(self.updated, _digit(self.id)),
		}
		if self.external_id is None:
			del wire["externalId"]
		return self.overrides.apply(wire) if self.overrides else wire


@dataclass(frozen=True, slots=True)
class Rate:
	"""One price of a plan, in US dollars per unit (or for the whole range where `flat`). None = not known."""

	buy: float | None
	retail: float | None
	start: int = 0
	end: int | None = None
	flat: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
	"""One way a product is sold: billing term, commitment (None where there is none) and rates."""

	billing_term: str
	commitment: str | None
	kind: str
	unit: str
	rates: tuple[Rate, ...]

	def rate_for(self, quantity: int) -> Rate:
		"""The rate whose range holds `quantity`; the last one beyond all ranges."""
		for rate in self.rates:
			if quantity >= rate.start and (rate.end is None or quantity <= rate.end):
				return rate
		return self.rates[-1]


@dataclass(frozen=True, slots=True)
class CommitmentOption:
	"""A commitment that a product offers, with what it permits during the term."""

	id: str
	term: str
	auto_renew: bool = True
	window_before: int = 0
	window_after: int = 7
	increase: bool = True
	decrease: bool = False
	early_cancellation: bool = False
	fee: bool = False
	transferable: bool = False

	def wire(self) -> dict[str, Any]:
		"""The spec's Commitment."""
		return {
			"id": self.id,
			"term": self.term,
			"autoRenew": self.auto_renew,
			"renewalWindowDaysBeforeTermEnd": self.window_before,
			"renewalWindowDaysAfterTermEnd": self.window_after,
			"allowForQuantityIncrease": self.increase,
			"allowForQuantityDecrease": self.decrease,
			"allowForEarlyCancellation": self.early_cancellation,
			"cancellationFeeApplied": self.fee,
			"isTransferable": self.transferable,
		}


@dataclass(slots=True, eq=False)
class Product:
	"""A product with its plans and commitment options. `shape` is the sandbox's own word for what it is."""

	id: str
	name: str
	vendor: str
	short: str
	sku: str
	vendor_sku: str
	shape: str
	plans: tuple[Plan, ...] = ()
	commitments: tuple[CommitmentOption, ...] = ()
	requires: tuple[str, ...] = ()
	alt_vendor_sku: str | None = None
	pricing_override: list[Any] | None = None
	dependencies_override: dict[str, Any] | None = None
	overrides: Overrides | None = None

	@property
	def requires_commitment(self) -> bool:
		"""Whether every plan comes with a commitment."""
		return bool(self.plans) and all(plan.commitment for plan in self.plans)

	def wire(self, detail: bool = False) -> dict[str, Any]:
		"""The spec's Product, or ProductDetail where `detail`."""
		wire: dict[str, Any] = {
			"id": self.id,
			"name": self.name,
			"vendorName": self.vendor,
			"shortDescription": self.short,
			"sku": self.sku,
			"vendorSku": self.vendor_sku,
			"requiresCommitment": self.requires_commitment,
		}
		if self.alt_vendor_sku:
			wire["altVendorSku"] = self.alt_vendor_sku
		if detail:
			wire["description"] = f"<p>{self.short}</p><p>Sold by {self.vendor} through the marketplace.</p>"
		return self.overrides.apply(wire) if self.overrides else wire

	def plan_for(self, billing_term: str, commitment: str | None) -> Plan | None:
		"""The plan of a billing term and commitment, else the first of the billing term, else None."""
		of_term = [plan for plan in self.plans if plan.billing_term == billing_term]
		return next(
			(plan for plan in of_term if plan.commitment == commitment), of_term[0] if of_term else None
		)

	def commitment(self, commitment_id: str, term: str) -> CommitmentOption | None:
		"""The option with this id, else with this term."""
		by_id = next((option for option in self.commitments if option.id == commitment_id), None)
		return by_id or next((option for option in self.commitments if option.term == term), None)

	def pricing(self, company: Company | None) -> list[Any]:
		"""The spec's Pricing rows: in US dollars in general, in its own currency for a company.

		A rate that is not known is null or absent, never 0; a product without any price has no rows.
		"""
		if self.pricing_override is not None:
			return copy.deepcopy(self.pricing_override)
		factor = 1.0
		if company:
			# A company's own price: its currency, and for some a percent or two off.
			factor = CURRENCY_FACTORS.get(company.currency, 1.0) * (1 - (_digit(company.id) % 3) / 100)
		return [self._plan_wire(plan, factor) for plan in self.plans]

	def _plan_wire(self, plan: Plan, factor: float) -> dict[str, Any]:
		wire: dict[str, Any] = {
			"productId": self.id,
			"productName": self.name,
			"billingTerm": plan.billing_term,
			"type": plan.kind,
			"unitOfMeasurement": plan.unit,
			"rates": [self._rate_wire(rate, factor) for rate in plan.rates],
		}
		if plan.commitment:
			wire["commitmentTerm"] = plan.commitment
			wire["commitmentTermInMonths"] = TERM_MONTHS[plan.commitment]
		return wire

	def _rate_wire(self, rate: Rate, factor: float) -> dict[str, Any]:
		digit = _digit(self.id)
		wire: dict[str, Any] = {}
		for name, amount in (("partnerBuyRate", rate.buy), ("suggestedRetailPrice", rate.retail)):
			if amount is not None:
				wire[name] = money(amount * factor)
			elif digit % 2:
				wire[name] = None
		# Azure Plan is shown just as Pax8's guide to usage products shows it: a start of 0 and no end.
		container = self.shape == "container"
		if rate.start or container or digit % 4:
			wire["startQuantityRange"] = rate.start
		if rate.end is not None or (digit % 4 < 2 and not container):
			wire["endQuantityRange"] = rate.end
		wire["chargeType"] = "Flat Rate" if rate.flat else "Per Unit"
		return wire


@dataclass(frozen=True, slots=True)
class Commitment:
	"""The commitment a subscription is under."""

	id: str
	term: str
	end: datetime


@dataclass(slots=True, eq=False)
class Subscription:
	"""A subscription. Money is in `currency`, per unit and billing term; None = not known.

	`older` holds its earlier states, newest first, once it has been changed here; None = not changed yet, and
	its history is then made up from the record itself.
	"""

	id: str
	company_id: str
	product_id: str
	product_name: str
	quantity: int
	status: str
	billing_term: str
	currency: str
	price: float | None
	partner_cost: float | None
	start: datetime
	created: datetime
	billing_start: date
	updated: datetime | None = None
	end: datetime | None = None
	commitment: Commitment | None = None
	parent_id: str | None = None
	vendor_subscription_id: str | None = None
	vendor_sku_id: str | None = None
	older: list[Subscription] | None = None
	overrides: Overrides | None = None

	def wire(self, detail: bool = False) -> dict[str, Any]:
		"""The spec's Subscription. `vendorSkuId` comes with the single record only, as Pax8's guide says."""
		digit = _digit(self.id)
		wire: dict[str, Any] = {
			"id": self.id,
			"companyId": self.company_id,
			"productId": self.product_id,
			"productName": self.product_name,
			"quantity": self.quantity,
			"startDate": as_utc(self.start),
			"createdDate": as_date(self.created) if digit % 3 == 0 else as_offset(self.created, digit),
			"billingStart": as_date(self.billing_start),
			"status": self.status,
			"price": self.price,
			"currencyCode": self.currency,
			"billingTerm": self.billing_term,
		}
		if self.price is None:
			del wire["price"]
		if self.partner_cost is not None:
			wire["partnerCost"] = self.partner_cost
		if self.parent_id or digit % 4 == 0:
			wire["parentSubscriptionId"] = self.parent_id
		if self.vendor_subscription_id:
			wire["vendorSubscriptionId"] = self.vendor_subscription_id
		if self.vendor_sku_id and detail:
			wire["vendorSkuId"] = self.vendor_sku_id
		if self.end:
			wire["endDate"] = as_date(self.end) if digit % 2 else as_utc(self.end)
		if self.updated:
			wire["updatedDate"] = as_offset(self.updated, digit)
		if self.commitment:
			wire["commitmentTerm"] = {
				"id": self.commitment.id,
				"term": self.commitment.term,
				"endDate": as_utc(self.commitment.end),
			}
		elif digit % 2 == 0:
			wire["commitmentTerm"] = None
		return self.overrides.apply(wire) if self.overrides else wire

	def history(self) -> list[Subscription]:
		"""This record and its earlier states, newest first."""
		return [self, *(self.older if self.older is not None else self._made_up_past())]

	def remember(self) -> None:
		"""Keep the present state as the newest earlier one; call it before a change."""
		past = self.older if self.older is not None else self._made_up_past()
		snapshot = copy.copy(self)
		snapshot.older = []
		self.older = [snapshot, *past]

	def _made_up_past(self) -> list[Subscription]:
		digit = _digit(self.id)
		lived = (self.updated or self.start) - self.created
		steps = digit % 3 if self.quantity > 3 and lived > timedelta(days=3) else 0
		past: list[Subscription] = []
		for step in range(1, steps + 1):
			snapshot = copy.copy(self)
			snapshot.quantity = max(1, self.quantity - step * (1 + digit % 4))
			snapshot.status, snapshot.end, snapshot.older = "Active", None, []
			snapshot.updated = self.created + lived * (steps - step) / steps if step < steps else None
			past.append(snapshot)
		return past


def money(amount: float) -> float | int:
	"""An amount as Pax8's samples show it: at most three decimals, whole ones without a point."""
	rounded = round(amount, 3 if 0 < abs(amount) < 0.1 else 2)
	return int(rounded) if rounded == int(rounded) else rounded


def amount_number(amount: Decimal) -> float | int:
	"""An exact amount as a JSON number that spells the same value."""
	return int(amount) if amount == amount.to_integral_value() else float(amount)


def id_from(bits: int) -> str:
	"""A UUID string (version 4) from 128 random bits."""
	text = f"{bits & (1 << 128) - 1:032x}"
	variant = "89ab"[int(text[16], 16) & 3]
	return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"


def midnight(moment: datetime) -> datetime:
	"""The start of a moment's UTC day."""
	return moment.astimezone(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)


def _digit(identifier: str) -> int:
	# Ids are hexadecimal, but one made from outside may be anything.
	try:
		return int(identifier[-2:], 16)
	except ValueError:
		return sum(map(ord, identifier)) % 256
