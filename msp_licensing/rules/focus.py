"""Charges as rows of FOCUS 1.2, the FinOps Open Cost and Usage Specification (https://focus.finops.org).

Only columns that can be filled truthfully are written. `LEFT_OUT` names the others of the specification, with the reason.
What is not known is empty (null); no column has a stand-in value.

A `Charge` says nothing of where it comes from. Today they are made of the totals of usage months (`usage.focus`).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import Enum

VERSION = "1.2"

# Categories of products here, and the category of services in FOCUS that fits each. All others are "Other".
SERVICE_CATEGORIES = {
	"Backup": "Storage",
	"Creative": "Business Applications",
	"Email Security": "Security",
	"Identity": "Identity",
	"Management": "Management and Governance",
	"Productivity": "Business Applications",
	"Security": "Security",
	"Security Awareness": "Security",
	"Voice": "Business Applications",
}

_SUBCATEGORIES = {"Backup": "Backup Storage", "Productivity": "Productivity and Collaboration"}

_CURRENCY = re.compile(r"[A-Z]{3}")


class Amounts(str, Enum):
	"""Whose charges the columns of cost hold.

	`COST`: what Pax8 charges the partner. `CHARGES`: what Pax8 reports as charged to the customer.
	"""

	COST = "cost"
	CHARGES = "charges"


@dataclass(frozen=True)
class Account:
	"""Who charges whom.

	Attributes:
		id, name: of the billing account: who is charged.
		provider: who sells and invoices.
	"""

	id: str
	name: str | None
	provider: str


@dataclass(frozen=True, slots=True)
class Quantity:
	value: Decimal
	unit: str


@dataclass(frozen=True, slots=True)
class Charge:
	"""One charge of one billing period, in one currency.

	Attributes:
		amount: as Pax8 reports it, in `currency` (ISO 4217). A trial's amount is reported, too, and not billed.
		month: first day (UTC) of the billing period; `next_month`: the first day after it.
		until: the first day (UTC) that the charge does not cover.
		customer_charges: what Pax8 reports as charged to the customer, if that is known and may be shown.
		month_status: Running or Provisional; `last_day`: the day (UTC) of the last read.
		item: what is charged within the resource group, such as a meter.
	"""

	amount: Decimal
	currency: str
	month: date
	next_month: date
	until: date
	service: str | None
	publisher: str | None
	category: str | None
	sku: str | None
	subscription: str | None
	company: str | None
	company_name: str | None
	resource_group: str | None
	client: str | None
	client_name: str | None
	month_status: str
	last_day: date
	is_trial: bool = False
	customer_charges: Decimal | None = None
	item: str | None = None
	quantity: Quantity | None = None
	invoice: str | None = None

	@property
	def billed(self) -> Decimal:
		"""What an invoice is to be based on: nothing for a trial."""
		return Decimal(0) if self.is_trial else self.amount


@dataclass(frozen=True, slots=True)
class Line:
	"""A usage line of the day of a month's last total.

	Attributes:
		amount: on the same side as the total's; None: Pax8 gives none.
	"""

	item: str | None
	quantity: Decimal | None
	unit: str | None
	amount: Decimal | None
	customer_charges: Decimal | None = None


def is_currency(code: str | None) -> bool:
	"""Whether a code looks like one of ISO 4217, as FOCUS wants it.

	>>> is_currency("USD"), is_currency("usd"), is_currency(None)
	(True, False, False)
	"""
	return bool(_CURRENCY.fullmatch(code or ""))


def split(charge: Charge, lines: Sequence[Line]) -> list[Charge]:
	"""The charge by its lines, if they prove to be what it is made of: all have amounts, and these add up to the total.

	Vendors report running totals as well as amounts of a day, and Pax8 does not say which. Lines of one day that add up
	to the total of the month are running totals. In all other cases the charge stays whole, without a quantity.
	"""
	parts = [(line, line.amount) for line in lines if line.amount is not None]
	if not parts or len(parts) < len(lines):
		return [charge]
	if sum((amount for _line, amount in parts), Decimal(0)) != charge.amount:
		return [charge]
	theirs = [line.customer_charges for line in lines]
	known = charge.customer_charges is not None and None not in theirs
	if known and sum((one or Decimal(0) for one in theirs), Decimal(0)) != charge.customer_charges:
		return [charge]
	return [
		replace(
			charge,
			amount=amount,
			customer_charges=line.customer_charges if known else None,
			item=line.item,
			quantity=_quantity(line),
		)
		for line, amount in parts
	]


def _quantity(line: Line) -> Quantity | None:
	return Quantity(line.quantity, line.unit) if line.quantity is not None and line.unit else None


# --------------------------------------------------------------------------------------------- columns

_Value = Callable[[Charge, Account], str | None]


def _number(value: Decimal | None) -> str | None:
	"""Digits as FOCUS wants them. One stands after the point at least: programs take a column of "2" and "3" for integers.

	>>> _number(Decimal("12.340000000")), _number(Decimal("-0E-9")), _number(Decimal("1000"))
	('12.34', '0.0', '1000.0')
	"""
	if value is None:
		return None
	whole, _point, rest = f"{value:f}".partition(".")
	text = f"{whole}.{rest.rstrip('0') or '0'}"
	return "0.0" if text == "-0.0" else text


def _moment(day: date) -> str:
	return f"{day.isoformat()}T00:00:00Z"


def _billed(charge: Charge, account: Account) -> str | None:
	return _number(charge.billed)


def _consumed(charge: Charge, account: Account) -> str | None:
	return _number(charge.quantity.value) if charge.quantity else None


def _unit(charge: Charge, account: Account) -> str | None:
	return charge.quantity.unit if charge.quantity else None


def _description(charge: Charge, account: Account) -> str | None:
	parts = [charge.service, charge.resource_group, charge.item]
	return " - ".join(part for part in dict.fromkeys(parts) if part) or None


def _category(charge: Charge) -> str:
	return SERVICE_CATEGORIES.get(charge.category or "", "Other")


def _subcategory(charge: Charge) -> str:
	"""Products here have no category below theirs: FOCUS has an "Other" for each category."""
	return _SUBCATEGORIES.get(charge.category or "") or f"Other ({_category(charge)})"


COLUMNS: dict[str, _Value] = {
	"BilledCost": _billed,
	"BillingAccountId": lambda charge, account: account.id,
	"BillingAccountName": lambda charge, account: account.name,
	"BillingCurrency": lambda charge, account: charge.currency,
	"BillingPeriodEnd": lambda charge, account: _moment(charge.next_month),
	"BillingPeriodStart": lambda charge, account: _moment(charge.month),
	"ChargeCategory": lambda charge, account: "Usage",
	"ChargeClass": lambda charge, account: None,
	"ChargeDescription": _description,
	"ChargeFrequency": lambda charge, account: "Usage-Based",
	"ChargePeriodEnd": lambda charge, account: _moment(charge.until),
	"ChargePeriodStart": lambda charge, account: _moment(charge.month),
	"ConsumedQuantity": _consumed,
	"ConsumedUnit": _unit,
	"ContractedCost": _billed,
	"EffectiveCost": _billed,
	"InvoiceId": lambda charge, account: charge.invoice,
	"InvoiceIssuerName": lambda charge, account: account.provider,
	"ListCost": _billed,
	"PricingQuantity": _consumed,
	"PricingUnit": _unit,
	"ProviderName": lambda charge, account: account.provider,
	"PublisherName": lambda charge, account: charge.publisher,
	"ResourceId": lambda charge, account: charge.subscription,
	# A subscription has no name of its own.
	"ResourceName": lambda charge, account: None,
	"ResourceType": lambda charge, account: "Subscription" if charge.subscription else None,
	"ServiceCategory": lambda charge, account: _category(charge),
	"ServiceName": lambda charge, account: charge.service,
	"ServiceSubcategory": lambda charge, account: _subcategory(charge),
	"SkuId": lambda charge, account: charge.sku,
	"SubAccountId": lambda charge, account: charge.company,
	"SubAccountName": lambda charge, account: charge.company_name,
	# Columns of our own come last, with the prefix that FOCUS wants.
	"x_Client": lambda charge, account: charge.client,
	"x_ClientName": lambda charge, account: charge.client_name,
	"x_CustomerCharges": lambda charge, account: _number(charge.customer_charges),
	"x_IsTrial": lambda charge, account: "true" if charge.is_trial else "false",
	"x_LastReadDay": lambda charge, account: charge.last_day.isoformat(),
	"x_MonthStatus": lambda charge, account: charge.month_status,
	"x_ReportedAmount": lambda charge, account: _number(charge.amount),
	"x_ResourceGroup": lambda charge, account: charge.resource_group,
}

# Texts of people and vendors. A spreadsheet could take one for a formula.
FREE_TEXTS = frozenset(
	(
		*("BillingAccountName", "ChargeDescription", "ConsumedUnit", "InvoiceIssuerName", "PricingUnit"),
		*("ProviderName", "PublisherName", "ServiceName", "SkuId", "SubAccountName"),
		*("BillingAccountId", "x_Client", "x_ClientName", "x_ResourceGroup"),
	)
)

_NO_COMMITMENTS = "Pax8 does not report with usage whether a commitment discount covers it."
_NO_REGIONS = "Pax8 does not report regions."
_NO_PRICE = "Pax8 gives no list price of what was used, and no price of the partner's."
_NO_SECOND_CURRENCY = "Pax8 reports amounts in one currency, the one of the charge."
_NO_CAPACITY = "Pax8 does not report capacity reservations."

# Columns of FOCUS 1.2 that are not written, and why.
LEFT_OUT = {
	"AvailabilityZone": _NO_REGIONS,
	"BillingAccountType": "There is one type of billing account only.",
	"CapacityReservationId": _NO_CAPACITY,
	"CapacityReservationStatus": _NO_CAPACITY,
	"CommitmentDiscountCategory": _NO_COMMITMENTS,
	"CommitmentDiscountId": _NO_COMMITMENTS,
	"CommitmentDiscountName": _NO_COMMITMENTS,
	"CommitmentDiscountQuantity": _NO_COMMITMENTS,
	"CommitmentDiscountStatus": _NO_COMMITMENTS,
	"CommitmentDiscountType": _NO_COMMITMENTS,
	"CommitmentDiscountUnit": _NO_COMMITMENTS,
	"ContractedUnitPrice": _NO_PRICE,
	"ListUnitPrice": _NO_PRICE,
	"PricingCategory": "Pax8 does not report how usage is priced.",
	"PricingCurrency": _NO_SECOND_CURRENCY,
	"PricingCurrencyContractedUnitPrice": _NO_SECOND_CURRENCY,
	"PricingCurrencyEffectiveCost": _NO_SECOND_CURRENCY,
	"PricingCurrencyListUnitPrice": _NO_SECOND_CURRENCY,
	"RegionId": _NO_REGIONS,
	"RegionName": _NO_REGIONS,
	"SkuMeter": "The names of usage lines are not documented as meters.",
	"SkuPriceDetails": _NO_PRICE,
	"SkuPriceId": _NO_PRICE,
	"SubAccountType": "There is one type of sub account only: a company at Pax8.",
	"Tags": "Pax8's API has no tags.",
}


def columns(amounts: Amounts) -> list[str]:
	"""The names of the columns, in their order. What customers are charged stands beside the partner's cost only."""
	return [name for name in COLUMNS if name != "x_CustomerCharges" or amounts == Amounts.COST]


def rows(
	charges: Iterable[Charge], account_of: Callable[[Charge], Account], amounts: Amounts
) -> Iterator[list[str]]:
	"""The cells of each charge. An empty cell is null."""
	chosen = [COLUMNS[name] for name in columns(amounts)]
	for charge in charges:
		account = account_of(charge)
		yield [value(charge, account) or "" for value in chosen]
