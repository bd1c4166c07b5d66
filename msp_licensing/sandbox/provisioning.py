"""What a vendor asks before it provisions an order, by product.

Which questions must be answered is not shown by the API: only an order, mock or real, tells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from msp_licensing.sandbox.model import Product

Answers = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class Question:
	"""One provisioning detail. Without `options` it is an Input; `required` says whether these answers need it."""

	key: str
	label: str
	options: tuple[str, ...] = ()
	description: str = ""
	several: bool = False
	required: Callable[[Answers], bool] = lambda answers: True

	def wire(self, with_null: bool) -> dict[str, Any]:
		"""The spec's ProvisioningDetail. Of an Input, `possibleValues` is null or absent."""
		wire: dict[str, Any] = {"label": self.label, "key": self.key}
		if self.description:
			wire["description"] = self.description
		if self.options:
			wire["valueType"] = "Multi-Value" if self.several else "Single-Value"
			wire["possibleValues"] = list(self.options)
		else:
			wire["valueType"] = "Input"
			if with_null:
				wire["possibleValues"] = None
		return wire


NEW_CUSTOMER = "No, the customer does not have a Microsoft account"
KNOWN_CUSTOMER = "Yes, the customer has and can log into their Microsoft account"
ACKNOWLEDGED = "I acknowledge"


def _is_new(answers: Answers) -> bool:
	return answers.get("msCustExists") == [NEW_CUSTOMER]


def _is_known(answers: Answers) -> bool:
	return answers.get("msCustExists") == [KNOWN_CUSTOMER]


def _never(answers: Answers) -> bool:
	return False


# Keys, labels and options of the spec's example; the acknowledgement is named in a client's recorded orders.
_MICROSOFT = (
	Question(
		"msCustExists",
		"Does the customer have an existing Microsoft account and can they log into https://login.microsoftonline.com?",
		(NEW_CUSTOMER, KNOWN_CUSTOMER),
	),
	Question(
		"msDomain",
		"Desired .onmicrosoft.com Customer Domain Prefix",
		description="Do not include the TLD when entering your domain "
		"(e.g. mydomain.onmicrosoft.com should be entered as mydomain",
		required=_is_new,
	),
	Question("arrowContactFirstName", "Contact First Name", required=_never),
	Question("arrowContactLastName", "Contact Last Name", required=_never),
	Question("arrowContactEmail", "Contact Email", required=_never),
	Question("msTenantId", "Microsoft Customer Tenant ID", required=_is_known),
	Question("mca2020FirstName", "First Name", required=_is_new),
	Question("mca2020LastName", "Last Name", required=_is_new),
	Question("mca2020Email", "Email Address", required=_is_new),
	Question("mca2020EffectiveDate", "Date of Acceptance", description="(YYYY-MM-DD)", required=_is_new),
)
_MICROSOFT_COMMITTED = (
	*_MICROSOFT,
	Question(
		"microsoftCancelPolicyAcknowledgement",
		"Microsoft allows cancellations and seat reductions within 7 days of the purchase or renewal only.",
		(ACKNOWLEDGED,),
	),
)
_OTHERS = (
	Question(
		"userEmailAddress", "Administrator email address", description="Provide the user's email address"
	),
	Question(
		"serviceRegions",
		"Where may data be kept?",
		("North America", "Europe", "Asia Pacific"),
		several=True,
		required=_never,
	),
)


def questions_of(product: Product) -> tuple[Question, ...]:
	"""What is asked when `product` is ordered; nothing for about half of the products that are not Microsoft's."""
	if product.vendor == "Microsoft":
		return _MICROSOFT_COMMITTED if product.commitments else _MICROSOFT
	return _OTHERS if _last_digit(product) % 2 else ()


def details_of(product: Product) -> list[dict[str, Any]]:
	"""The questions on the wire."""
	return [question.wire(with_null=_last_digit(product) % 4 < 2) for question in questions_of(product)]


def missing(product: Product, answers: Answers) -> list[str]:
	"""What is wrong with the answers, as Pax8 words it: `<question>: This field is required.`"""
	problems = []
	for question in questions_of(product):
		given = [text for text in answers.get(question.key, []) if text.strip()]
		if not given:
			if question.required(answers):
				problems.append(f"{question.label}: This field is required.")
		elif len(given) > 1 and not question.several:
			problems.append(f"{question.label}: Only one value is allowed.")
		elif question.options and not set(given) <= set(question.options):
			problems.append(f"{question.label}: The value is not one of the possible values.")
	return problems


def _last_digit(product: Product) -> int:
	# Ids are hexadecimal, but one made from outside may be anything.
	return int(product.id[-1], 16) if product.id[-1:] in tuple("0123456789abcdef") else 0
