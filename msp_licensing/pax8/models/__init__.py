"""Pax8's records, typed.

Attributes are the wire's names in snake_case. The models follow Pax8's published specification but expect less of it,
since the wire is known to differ: any field but the id may be missing or null, words outside the published lists are
kept as they come, the same term is spelled in several ways, and dates come in at least four forms.

Four rules hold throughout:

- money is `Decimal`, read from the JSON text without passing through a float; missing money is `None`, never 0;
- a date with a time becomes an aware `datetime` in UTC (a date alone counts as its midnight UTC); dates that Pax8
  declares as dates stay `date`;
- what is there but cannot be read is an error and not `None`: an end of a commitment that is silently lost would let
  a change through. So is an id of more than `MAX_ID_CHARS`;
- text is for showing: what is longer than `MAX_TEXT_CHARS` (`MAX_LONG_TEXT_CHARS` for descriptions) is cut, with an
  ellipsis at its end, and what no database could store (half a surrogate pair) becomes a question mark.
"""

from msp_licensing.pax8.models.companies import Address, Company, ConnectionCheck
from msp_licensing.pax8.models.contacts import Contact, ContactType
from msp_licensing.pax8.models.fields import (
	MAX_ID_CHARS,
	MAX_LONG_TEXT_CHARS,
	MAX_TEXT_CHARS,
	Record,
	normalise_charge_type,
	normalise_rate_type,
	normalise_status,
	normalise_term,
	parse_day,
	parse_instant,
)
from msp_licensing.pax8.models.invoices import Invoice, InvoiceItem
from msp_licensing.pax8.models.orders import (
	ORDERED_BY,
	Order,
	OrderedLine,
	OrderLine,
	ProvisionAnswer,
	ProvisionQuestion,
)
from msp_licensing.pax8.models.products import (
	Commitment,
	Dependencies,
	Pricing,
	Product,
	ProductDependency,
	ProductDetail,
	Rate,
)
from msp_licensing.pax8.models.subscriptions import CommitmentTerm, Subscription
from msp_licensing.pax8.models.usage import UsageLine, UsageSummary
from msp_licensing.pax8.models.webhooks import (
	FilterCondition,
	FilterConditionDefinition,
	TopicDefinition,
	Webhook,
	WebhookCall,
	WebhookFilter,
	WebhookFilterDefinition,
	WebhookLog,
	WebhookTest,
	WebhookTopic,
)

__all__ = [
	"MAX_ID_CHARS",
	"MAX_LONG_TEXT_CHARS",
	"MAX_TEXT_CHARS",
	"ORDERED_BY",
	"Address",
	"Commitment",
	"CommitmentTerm",
	"Company",
	"ConnectionCheck",
	"Contact",
	"ContactType",
	"Dependencies",
	"FilterCondition",
	"FilterConditionDefinition",
	"Invoice",
	"InvoiceItem",
	"Order",
	"OrderLine",
	"OrderedLine",
	"Pricing",
	"Product",
	"ProductDependency",
	"ProductDetail",
	"ProvisionAnswer",
	"ProvisionQuestion",
	"Rate",
	"Record",
	"Subscription",
	"TopicDefinition",
	"UsageLine",
	"UsageSummary",
	"Webhook",
	"WebhookCall",
	"WebhookFilter",
	"WebhookFilterDefinition",
	"WebhookLog",
	"WebhookTest",
	"WebhookTopic",
	"normalise_charge_type",
	"normalise_rate_type",
	"normalise_status",
	"normalise_term",
	"parse_day",
	"parse_instant",
]
