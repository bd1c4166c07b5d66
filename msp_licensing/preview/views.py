"""The preview's pages: the portal's own templates in a frame with the company, the policy and the decision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2

from msp_licensing.pax8 import Company
from msp_licensing.portal import asking, page, usage_page, usage_records, wishes, words
from msp_licensing.preview.choices import Choices
from msp_licensing.preview.source import Item, Source
from msp_licensing.rules.commitments import DEFAULT_RETURN_WINDOWS
from msp_licensing.rules.policy import (
	Decision,
	Outcome,
	Policy,
	SubscriptionRule,
	Timing,
	Verdict,
	decide,
	vendor_key,
)
from msp_licensing.rules.words import client_sentence, staff_sentence

APP = Path(__file__).resolve().parent.parent
PORTAL = APP / "www" / "licensing"
HERE = Path(__file__).resolve().parent / "templates"
RULE = SubscriptionRule()

FORMATS = words.Formats(translate=lambda text: text, day=lambda day: f"{day.day} {day:%B %Y}")

# What each check looks at, for the list of checks.
CHECKS = {
	"self_service_off": "Self-service is on",
	"vanished": "Still listed by Pax8",
	"not_active": "Status is Active",
	"ended": "Has not ended",
	"future_start": "Has started",
	"usage_based": "Sold by the seat",
	"billing_term": "Paid again and again",
	"unknown_term": "Billing term is known",
	"follows_parent": "Has a quantity of its own",
	"missing": "A number was typed",
	"not_whole": "The number is whole",
	"below_one": "At least 1",
	"too_large": "A sensible number",
	"same_quantity": "Differs from now",
	"below_minimum": "Minimum",
	"above_maximum": "Maximum",
	"open_request": "No other open request",
	"committed_until": "Commitment allows it",
	"commitment_no_increase": "Commitment allows it",
	"commitment_unknown": "Commitment allows it",
	"no_decrease": "Is a decrease",
	"no_term_end": "A commitment is running",
	"vendor_override": "Vendor override",
	"product_always": "Product’s own rule",
	"unknown_vendor": "Vendor is known",
	"subscription_always": "Subscription’s own rule",
	"require_approval": "Approval by default",
	"unknown_usage_class": "Usage class is known",
	"unknown_quantity": "Current quantity is known",
	"zero_quantity": "Current quantity is not 0",
	"threshold": "Threshold",
}
_VERDICTS = {
	Verdict.PASSES: ("passes", "good"),
	Verdict.REFUSES: ("refuses", "bad"),
	Verdict.HOLDS: ("holds", "wait"),
	Verdict.SKIPPED: ("not asked", "quiet"),
}
_OUTCOMES = {Outcome.REFUSED: "bad", Outcome.HELD: "wait", Outcome.RELEASED: "good"}
_STATES = {Outcome.HELD: "Pending Approval", Outcome.RELEASED: "Approved"}


class UnknownSubscription(LookupError):
	"""The company has no subscription of this id."""


class Refused(Exception):
	"""The wish was refused, in the client's words."""


class Views:
	"""Makes the preview's answers.

	Args:
		source: what is shown.
		where: what it is read from, in words, for the frame.
		first: id of the company shown to visitors who have not chosen one.
		today: gives the day decisions are made on.
	"""

	def __init__(
		self, source: Source, where: str, *, first: str = "", today: Callable[[], date] = date.today
	) -> None:
		self.source = source
		self._first = first
		self.where = where
		self._today = today
		# As in Frappe: no autoescape, so that the templates' own escaping is what is seen to work.
		self._templates = jinja2.Environment(  # nosemgrep: frappe-direct-jinja-construction - templates of this app, where there is no Frappe
			loader=jinja2.FunctionLoader(_template), undefined=jinja2.StrictUndefined
		)
		self._templates.globals["_"] = FORMATS.translate

	def page(self, choices: Choices) -> str:
		"""The whole page. Raises UnknownCompany, or any Pax8Error."""
		company = self._company(choices)
		items = self.source.items(company.id)
		vendors = _vendors(items, choices)
		decision = self._tried(items, choices)
		return self._templates.get_template("licensing/index.html").render(
			page=self._portal(choices),
			style=(PORTAL / "index.css").read_text(encoding="utf-8"),
			script=(PORTAL / "index.js").read_text(encoding="utf-8"),
			frame_style=(HERE / "preview.css").read_text(encoding="utf-8"),
			frame_script=(HERE / "preview.js").read_text(encoding="utf-8"),
			where=self.where,
			choices=choices,
			policy=choices.policy,
			companies=self.source.companies(),
			company=company,
			items=[item.row for item in items],
			vendors=vendors,
			other_vendors=", ".join(v for v in choices.policy.vendor_overrides if v not in dict(vendors)),
			decision=decision,
		)

	def problem(self, heading: str, message: str) -> str:
		return self._templates.get_template("problem.html").render(
			heading=heading,
			message=message,
			where=self.where,
			frame_style=(HERE / "preview.css").read_text(encoding="utf-8"),
		)

	# What the portal's script asks for

	def overview(self, choices: Choices, **_arguments: Any) -> dict[str, Any]:
		told = self._portal(choices)
		template = self._templates.get_template("msp_licensing/templates/portal/overview.html")
		return {"page": told, "html": template.render(page=told)}

	def check(
		self, choices: Choices, *, subscription: str, quantity: Any, **_arguments: Any
	) -> dict[str, Any]:
		"""As the site's, with the staff's view of the decision besides."""
		item = self._item(choices, subscription)
		today = self._today()
		now, late = (
			decide(choices.policy, RULE, item.facts, quantity, today=today, timing=timing)
			for timing in Timing
		)
		return {
			**asking.checked(now, late, item.facts, _policy(choices), today=today, formats=FORMATS),
			"staff": self._staff(item, now, quantity),
		}

	def request_change(
		self,
		choices: Choices,
		*,
		subscription: str,
		quantity: Any,
		timing: str = str(Timing.NOW),
		**_arguments: Any,
	) -> dict[str, Any]:
		"""What the client would read. Nothing is sent and nothing is kept. Raises Refused."""
		item = self._item(choices, subscription)
		decision = self._decide(item, choices, quantity, timing)
		if decision.outcome is Outcome.REFUSED:
			raise Refused(words.say(client_sentence(decision), FORMATS))
		state = _STATES[decision.outcome]
		if timing == Timing.AT_TERM_END and decision.outcome is Outcome.RELEASED:
			state = "Scheduled"
		sentence = wishes.sent(state, FORMATS)
		return {
			"message": f"Preview, nothing was sent. Your client would read: “{sentence}”",
			"staff": self._staff(item, decision, quantity),
		}

	# The parts

	def _portal(self, choices: Choices) -> dict[str, Any]:
		company = self._company(choices)
		today = self._today()
		told = [
			(
				page.is_over(item.row, today),
				page.subscription(
					item.row,
					facts=item.facts,
					rule=RULE,
					policy=choices.policy,
					today=today,
					formats=FORMATS,
				)
				| {"usage": _usage(item, today)},
			)
			for item in self.source.items(company.id)
		]
		overview = page.overview(
			key=company.id,
			title=company.name or company.id,
			clients=[],
			subscriptions=[card for over, card in told if not over],
			ended=[card for over, card in told if over],
			requests=[],
			may_request=True,
			connected=True,
			formats=FORMATS,
		)
		query = choices.query(company=company.id, tried="", quantity="")
		return {**overview, "api": f"/api/{quote(query, safe='')}/"}

	def _company(self, choices: Choices) -> Company:
		return self.source.company(choices.company or self._first)

	def _item(self, choices: Choices, subscription: str) -> Item:
		company = self._company(choices)
		for item in self.source.items(company.id):
			if item.row["name"] == subscription:
				return item
		raise UnknownSubscription(subscription)

	def _decide(self, item: Item, choices: Choices, quantity: Any, timing: str = str(Timing.NOW)) -> Decision:
		return decide(_policy(choices), RULE, item.facts, quantity, today=self._today(), timing=timing)

	def _tried(self, items: list[Item], choices: Choices) -> str:
		for item in items:
			if choices.tried and item.row["name"] == choices.tried:
				return self._staff(item, self._decide(item, choices, choices.quantity), choices.quantity)
		return ""

	def _staff(self, item: Item, decision: Decision, quantity: Any) -> str:
		"""The decision as staff see it, with every check, beside what the client reads."""
		heard = words.say(client_sentence(decision), FORMATS)
		if decision.outcome in _STATES:
			heard = wishes.sent(_STATES[decision.outcome], FORMATS)
		return self._templates.get_template("decision.html").render(
			product=item.row["product_name"] or "",
			current=item.row["quantity"],
			wanted=str(quantity),
			outcome=str(decision.outcome),
			tone=_OUTCOMES[decision.outcome],
			staff=words.say(staff_sentence(decision), FORMATS),
			client=heard,
			checks=[
				{
					"what": CHECKS.get(step.rule, step.rule),
					"verdict": _VERDICTS[step.verdict][0],
					"tone": _VERDICTS[step.verdict][1],
					"numbers": _numbers(step.numbers),
					"decides": step.rule == decision.rule
					and step.verdict in (Verdict.REFUSES, Verdict.HOLDS),
				}
				for step in decision.trace
			],
		)


def _usage(item: Item, today: date) -> dict[str, Any] | None:
	"""This month's charges on the card, as a client reads them where its price is the suggested retail price."""
	totals = [
		usage_records.Total(
			one.id, one.currency_code or "", bool(one.is_trial), one.current_charges, last_day=today
		)
		for one in item.usage
	]
	return {"lines": usage_page.so_far(totals, FORMATS), "url": ""} if totals else None


def _policy(choices: Choices) -> Policy:
	"""The visitor's policy, with the return windows that a new site has."""
	return replace(choices.policy, return_windows=DEFAULT_RETURN_WINDOWS)


def _template(name: str) -> str | None:
	"""The portal's own files, and the preview's frame in the place of the site's."""
	files = {
		"licensing/index.html": PORTAL / "index.html",
		"templates/web.html": HERE / "frame.html",
		"msp_licensing/templates/portal/overview.html": APP / "templates" / "portal" / "overview.html",
		"decision.html": HERE / "decision.html",
		"problem.html": HERE / "problem.html",
	}
	return files[name].read_text(encoding="utf-8") if name in files else None


def _numbers(numbers: dict[str, Any]) -> str:
	said = ((name, value) for name, value in numbers.items() if value is not None)
	return ", ".join(f"{name.replace('_', ' ')}: {_plain(name, value)}" for name, value in said)


def _plain(name: str, value: Any) -> str:
	if isinstance(value, bool):
		return "yes" if value else "no"
	if name == "maximum" and value == 0:
		return "none"
	if name in ("start_date", "end_date", "commitment_end", "until"):
		return FORMATS.day(date.fromisoformat(value))
	return str(value)


def _vendors(items: list[Item], choices: Choices) -> list[tuple[str, bool]]:
	"""The vendors of the company's products, and whether each is chosen."""
	chosen = {vendor_key(vendor) for vendor in choices.policy.vendor_overrides}
	names = sorted({item.row["vendor"] for item in items if item.row["vendor"]}, key=str.casefold)
	return [(name, vendor_key(name) in chosen) for name in names]
