"""Pax8's records, typed.

Attributes are the wire's names in snake_case. The models follow Pax8's published specification but expect less of it,
since the wire is known to differ: any field but the id may be missing or null, words outside the published lists are
kept as they come, the same term is spelled in several ways, and dates come in at least four forms.

Three rules hold throughout:

- money is `Decimal`, read from the JSON text without passing through a float; missing money is `None`, never 0;
- a date with a time becomes an aware `datetime` in UTC (a date alone counts as its midnight UTC); dates that Pax8
  declares as dates stay `date`;
- what is there but cannot be read is an error and not `None`: an end of a commitment that is silently lost would let
  a change through.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

_TERMS = {
	"monthly": "Monthly",
	"annual": "Annual",
	"1year": "1-Year",
	"2year": "2-Year",
	"3year": "3-Year",
	"5year": "5-Year",
	"onetime": "One-Time",
	"trial": "Trial",
	"activation": "Activation",
	"arrears": "Arrears",
	"rebate": "Rebate",
}
_STATUSES = {
	name.casefold(): name
	for name in (
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
		"Inactive",
		"Deleted",
	)
}
_INSTANT = re.compile(
	r"(\d{4})-(\d\d)-(\d\d)"
	r"(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,18}))?)?\s*([Zz]|[+-]\d\d(?::?\d\d)?)?)?"
)


def normalise_term(text: str) -> str:
	"""Return a billing or commitment term in Pax8's main spelling: `2 Year` → `2-Year`, `One-time` → `One-Time`.

	Unknown terms come back as they are, trimmed. Fact: subscriptions say `2-Year`, invoice items `2 Year`, and invoice
	items say both `One-Time` and `One-time`.
	"""
	key = re.sub(r"[\W_]+", "", text.casefold()).replace("years", "year")
	return _TERMS.get(key, text.strip())


def normalise_status(text: str) -> str:
	"""Return a status in the specification's spelling; unknown ones come back trimmed."""
	return _STATUSES.get(re.sub(r"[\W_]+", "", text.casefold()), text.strip())


def parse_instant(value: object) -> datetime | None:
	"""Read a point in time: with `Z`, with an offset with or without colon, with fractions, or a date alone.

	Returns:
		An aware `datetime` in UTC; without an offset the text is taken for UTC. `None` for null or blank.

	Raises:
		ValueError: there is something, and it is not a date.
	"""
	if isinstance(value, datetime):
		return _utc(value)
	if isinstance(value, date):
		return datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
	match = _match_instant(value)
	if match is None:
		return None
	year, month, day, hour, minute, second, fraction, offset = match.groups()
	micro = int((fraction or "0")[:6].ljust(6, "0"))
	zone = _zone(offset)
	return _utc(
		datetime(
			int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), micro, zone
		)
	)


def parse_day(value: object) -> date | None:
	"""Read a calendar day as it is written, whatever time and offset follow; `None` for null or blank.

	Raises:
		ValueError: there is something, and it is not a date.
	"""
	if isinstance(value, datetime):
		return value.date()
	if isinstance(value, date):
		return value
	match = _match_instant(value)
	return None if match is None else date(int(match[1]), int(match[2]), int(match[3]))


def _match_instant(value: object) -> re.Match[str] | None:
	if value is None or (isinstance(value, str) and not value.strip()):
		return None
	match = _INSTANT.fullmatch(value.strip()) if isinstance(value, str) else None
	if match is None:
		raise ValueError("not a date")
	return match


def _zone(offset: str | None) -> timezone:
	if not offset or offset in "Zz":
		return timezone.utc
	minutes = int(offset[1:3]) * 60 + int(offset[-2:] if len(offset) > 3 else 0)
	return timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))


def _utc(moment: datetime) -> datetime:
	if moment.tzinfo is None:
		return moment.replace(tzinfo=timezone.utc)
	try:
		return moment.astimezone(timezone.utc)
	except OverflowError:
		# "Forever" (31 December 9999) in a western zone lies outside of what a datetime can hold.
		return moment.replace(tzinfo=timezone.utc)


def _id(value: object) -> str | None:
	if isinstance(value, int) and not isinstance(value, bool):
		return str(value)
	if value is None or isinstance(value, str):
		return (value or "").strip() or None
	raise ValueError("not an id")


def _text(value: object) -> str | None:
	if isinstance(value, bool | list | dict):
		raise ValueError("not a text")
	return None if value is None else str(value).strip() or None


def _term(value: object) -> str | None:
	text = _text(value)
	return normalise_term(text) if text else None


def _status(value: object) -> str | None:
	text = _text(value)
	return normalise_status(text) if text else None


def _currency(value: object) -> str | None:
	text = _text(value)
	return text.upper() if text else None


def _decimal(value: object) -> Decimal | None:
	if value is None or (isinstance(value, str) and not value.strip()):
		return None
	if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
		raise ValueError("not a number")
	try:
		number = value if isinstance(value, Decimal) else Decimal(str(value).strip())
	except InvalidOperation:
		raise ValueError("not a number") from None
	# The bound keeps `int()` and arithmetic on hostile exponents from writing out a billion digits.
	if not number.is_finite() or number.adjusted() > 15 or number.as_tuple().exponent < -30:  # type: ignore[operator]
		raise ValueError("not a sensible number")
	return number


def _count(value: object) -> int | Decimal | None:
	number = _decimal(value)
	if number is None:
		return None
	return int(number) if number == int(number) else number


def _start(value: object) -> int | Decimal:
	return _count(value) or 0


def _flag(value: object) -> bool | None:
	if value is None or isinstance(value, bool):
		return value
	word = str(value).strip().casefold()
	if word in ("true", "1", "yes"):
		return True
	if word in ("false", "0", "no"):
		return False
	if not word:
		return None
	raise ValueError("not true or false")


def _rows(value: object) -> object:
	return () if value is None else value


Id = Annotated[str, BeforeValidator(_id)]
OptionalId = Annotated[str | None, BeforeValidator(_id)]
Text = Annotated[str | None, BeforeValidator(_text)]
Term = Annotated[str | None, BeforeValidator(_term)]
Status = Annotated[str | None, BeforeValidator(_status)]
Currency = Annotated[str | None, BeforeValidator(_currency)]
Money = Annotated[Decimal | None, BeforeValidator(_decimal)]
Count = Annotated[int | Decimal | None, BeforeValidator(_count)]
Flag = Annotated[bool | None, BeforeValidator(_flag)]
Instant = Annotated[datetime | None, BeforeValidator(parse_instant)]
Day = Annotated[date | None, BeforeValidator(parse_day)]


class Record(BaseModel):
	"""What all records have in common: frozen, read by wire name or attribute name, unknown fields ignored."""

	model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)


class Address(Record):
	"""A company's address. `country` is ISO 3166-1 alpha-2 by the specification."""

	street: Text = None
	street2: Text = None
	city: Text = None
	state_or_province: Text = None
	postal_code: Text = None
	country: Text = None


class Company(Record):
	"""A client company of the partner (`GET /companies`).

	`status` is `Active`, `Inactive` (its primary contacts are missing) or `Deleted`; `external_id` is the partner's
	free reference, which a PSA may already use.
	"""

	id: Id
	name: Text = None
	address: Address | None = None
	phone: Text = None
	website: Text = None
	external_id: OptionalId = None
	bill_on_behalf_of_enabled: Flag = None
	self_service_allowed: Flag = None
	order_approval_required: Flag = None
	status: Status = None
	updated_date: Instant = None


class Product(Record):
	"""A product of the catalogue. Pax8 gives no category, no price and no usage flag here."""

	id: Id
	name: Text = None
	vendor_name: Text = None
	short_description: Text = None
	sku: Text = None
	vendor_sku: Text = None
	alt_vendor_sku: Text = None
	requires_commitment: Flag = None


class ProductDetail(Product):
	"""A product as `GET /products/{id}` returns it, with its long description (may hold HTML)."""

	description: Text = None


class Rate(Record):
	"""One rate of a pricing plan: money per unit, in the partner account's currency, for a range of quantities.

	`end_quantity_range` of `None` is open-ended. `charge_type` is `Per Unit` or `Flat Rate` (one amount for the range).
	"""

	partner_buy_rate: Money = None
	suggested_retail_price: Money = None
	start_quantity_range: Annotated[int | Decimal, BeforeValidator(_start)] = 0
	end_quantity_range: Count = None
	charge_type: Text = None


class Pricing(Record):
	"""One pricing plan of a product: billing term × commitment term.

	`type` is `Flat`, `Volume`, `Tiered` or `Mark-Up`. The specification has no currency; `currency_code` is filled where
	Pax8 sends one all the same.
	"""

	product_id: OptionalId = None
	product_name: Text = None
	billing_term: Term = None
	commitment_term: Term = None
	commitment_term_in_months: Count = None
	type: Text = None
	unit_of_measurement: Text = None
	currency_code: Currency = None
	rates: Annotated[tuple[Rate, ...], BeforeValidator(_rows)] = ()


class CommitmentTerm(Record):
	"""The commitment a subscription runs under; `end_date` is the end of the term, which need not be a renewal."""

	id: OptionalId = None
	term: Term = None
	end_date: Instant = None


class Commitment(Record):
	"""A commitment option of a product: the only machine-readable hint on which changes a term allows.

	The windows are days before and after the end of a term in which it can be renewed or changed. `None` in a flag means
	that Pax8 did not say.
	"""

	id: OptionalId = None
	term: Term = None
	auto_renew: Flag = None
	renewal_window_days_before_term_end: Count = None
	renewal_window_days_after_term_end: Count = None
	allow_for_quantity_increase: Flag = None
	allow_for_quantity_decrease: Flag = None
	allow_for_early_cancellation: Flag = None
	cancellation_fee_applied: Flag = None
	is_transferable: Flag = None


class ProductDependency(Record):
	"""A constraint on a product (`name`, e.g. `Requires`) and the products that satisfy it."""

	name: Text = None
	products: Annotated[tuple[Product, ...], BeforeValidator(_rows)] = ()


class Dependencies(Record):
	"""What `GET /products/{id}/dependencies` returns."""

	commitment_dependencies: Annotated[tuple[Commitment, ...], BeforeValidator(_rows)] = ()
	product_dependencies: Annotated[tuple[ProductDependency, ...], BeforeValidator(_rows)] = ()

	def option_for(self, commitment: CommitmentTerm | None) -> Commitment | None:
		"""Return the option a subscription's commitment was taken from: by id, else by term where that is unambiguous."""
		if commitment is None:
			return None
		options = self.commitment_dependencies
		if commitment.id:
			for option in options:
				if option.id and option.id.casefold() == commitment.id.casefold():
					return option
		same_term = [option for option in options if commitment.term and option.term == commitment.term]
		# Two options of one term may differ in what they allow: guessing could let a decrease through.
		return same_term[0] if len(same_term) == 1 else None


class Subscription(Record):
	"""A subscription, or a snapshot of one in its history.

	`quantity` is an `int` when it is whole, the normal case, and a `Decimal` otherwise. `price` and `partner_cost` are
	Pax8's raw numbers per unit and billing term, in `currency_code`; what `price` means is disputed (the specification
	says the customer's price, others saw the partner's), so it is not for clients. `vendor_sku_id` comes with the single
	record only, `vendor_subscription_id` perhaps not in lists: a list must not blank them. `status` says nothing about
	billing; the dates do.
	"""

	id: Id
	parent_subscription_id: OptionalId = None
	company_id: OptionalId = None
	product_id: OptionalId = None
	product_name: Text = None
	vendor_subscription_id: OptionalId = None
	vendor_sku_id: OptionalId = None
	quantity: Count = None
	start_date: Instant = None
	end_date: Instant = None
	created_date: Instant = None
	updated_date: Instant = None
	billing_start: Day = None
	status: Status = None
	price: Money = None
	partner_cost: Money = None
	currency_code: Currency = None
	billing_term: Term = None
	commitment_term: CommitmentTerm | None = Field(default=None)

	@model_validator(mode="before")
	@classmethod
	def _either_commitment(cls, data: Any) -> Any:
		"""Read `commitmentTerm`, or `commitment` as older clients saw it; a bare text is its term."""
		if not isinstance(data, Mapping):
			return data
		read = dict(data)
		older = read.pop("commitment", None)
		given = read.pop("commitmentTerm", None) or read.pop("commitment_term", None) or older
		read["commitmentTerm"] = {"term": given} if isinstance(given, str) else given or None
		return read


class ConnectionCheck(Record):
	"""The result of a successful `Pax8Client.check()`.

	Attributes:
		companies: number of companies the credentials see; `calls`: HTTP calls it took; `milliseconds`: how long.
	"""

	base_url: str
	companies: int
	calls: int
	milliseconds: int
