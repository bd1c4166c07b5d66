"""Companies."""

from __future__ import annotations

from msp_licensing.pax8.models.fields import Flag, Id, Instant, Record, Status, Text


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
	external_id: Text = None
	bill_on_behalf_of_enabled: Flag = None
	self_service_allowed: Flag = None
	order_approval_required: Flag = None
	status: Status = None
	updated_date: Instant = None


class ConnectionCheck(Record):
	"""The result of a successful `Pax8Client.check()`.

	Attributes:
		companies: number of companies the credentials see; `calls`: HTTP calls it took; `milliseconds`: how long.
	"""

	base_url: str
	companies: int
	calls: int
	milliseconds: int
