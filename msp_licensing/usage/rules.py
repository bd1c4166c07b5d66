"""Rules for resource groups that recur: DocType *Pax8 Usage Rule*, applied when usage is read.

A rule makes the same records as a person (*Pax8 Usage Assignment*), with its name as the reason. It leaves alone what Pax8
links, what is assigned or ignored, and every group that a person has decided about before. Rules that name different
clients for one group assign nothing: the usage inbox shows that.
"""

from collections.abc import Collection, Iterable
from typing import Any

import frappe
from frappe import _
from frappe.utils import create_batch, getdate

from msp_licensing import clock, permissions, transactions
from msp_licensing.clients import CLIENT_DOCTYPES, client_disabled, client_title, disabled_clients
from msp_licensing.rules import usage_rules
from msp_licensing.rules.usage_rules import SHORTEST_TEXT, Rule, Verdict
from msp_licensing.sync.kinds.usage.placement import AGREED, ASSIGNMENT, GROUP, UNASSIGNED
from msp_licensing.usage import assignments

DOCTYPE, PRODUCT = "Pax8 Usage Rule", "Pax8 Product"

# Groups that are assigned in one transaction.
BATCH = 200


# --------------------------------------------------------------------------------------------- the record


def check(doc: Any) -> None:
	"""For the controller: whether a rule can be saved, and the client's name.

	Raises:
		frappe.PermissionError: the user is restricted to some clients; a rule says something about everybody's usage.
		frappe.ValidationError: no condition, a text that is too short, or a client that is missing or disabled.
	"""
	permissions.require_all_clients()
	doc.text_contains, doc.sku = (doc.text_contains or "").strip(), (doc.sku or "").strip()
	if not usage_rules.has_condition(doc.product, doc.sku, doc.text_contains):
		frappe.throw(_("Please fill in at least one condition: a part of the name, a product or a SKU."))
	if doc.text_contains and len(doc.text_contains) < SHORTEST_TEXT:
		frappe.throw(_("The part of the name needs at least {0} characters.").format(SHORTEST_TEXT))
	if doc.client_doctype not in CLIENT_DOCTYPES:
		frappe.throw(_("Please choose a client."))
	if doc.enabled and client_disabled(doc.client_doctype, doc.client):
		frappe.throw(_("The client is disabled. Choose another client, or enable it first."))
	doc.client_name = client_title(doc.client_doctype, doc.client)


def after_change(doc: Any) -> None:
	"""For the controller: groups that are nobody's now are assigned by a job after the commit."""
	if doc.enabled:
		frappe.enqueue("msp_licensing.usage.rules.apply_all", queue="short", enqueue_after_commit=True)


# --------------------------------------------------------------------------------------------- applying


def apply_to(groups: Collection[str]) -> int:
	"""Assigns those of some groups that are nobody's and that a rule fits; does not commit.

	A fixed number of queries and some for each group that is assigned. The caller holds the rows of the groups and of
	their companies.

	Returns:
		how many were assigned.
	"""
	rules = enabled()
	if not rules or not groups:
		return 0
	disabled = disabled_clients(rule.client for rule in rules)
	assigned = 0
	for row in _undecided(groups):
		verdict = judge(rules, row)
		if verdict.client and verdict.client not in disabled:
			rule = verdict.rules[0]
			reason = _("Rule: {0}").format(_titles([rule.name]).get(rule.name, rule.name))
			assigned += bool(
				assignments.assign_by_rule(row, *verdict.client, not_before=rule.from_date, reason=reason)
			)
	return assigned


def apply_all() -> int:
	"""The same for all groups, batch by batch; commits. A deadlock with somebody else's batch is tried again."""
	names = frappe.get_all(GROUP, {"placement": UNASSIGNED}, pluck="name", order_by="name")
	assigned = 0
	for batch in create_batch(names, BATCH):

		def work(batch: Collection[str] = batch) -> int:
			assignments.lock(batch)
			done = apply_to(batch)
			frappe.db.commit()  # nosemgrep: frappe-manual-commit - batch by batch, in a job
			return done

		assigned += transactions.repeat(work, when=transactions.is_busy)
	return assigned


def enabled(besides: str | None = None) -> list[Rule]:
	"""The rules that are switched on, by name, but for `besides`."""
	rows = frappe.get_all(
		DOCTYPE,
		{"enabled": 1, "name": ("!=", besides or "")},
		["name", "client_doctype", "client", "product", "sku", "text_contains", "from_date"],
		order_by="creation, name",
	)
	return [from_values(row) for row in rows]


def from_values(row: Any) -> Rule:
	"""A rule from a record or from what is typed in its form."""
	return Rule(
		row.get("name") or "",
		(row.get("client_doctype") or "", row.get("client") or ""),
		row.get("product") or None,
		(row.get("sku") or "").strip() or None,
		(row.get("text_contains") or "").strip() or None,
		getdate(row.get("from_date")) if row.get("from_date") else None,
	)


def judge(rules: Iterable[Rule], row: Any) -> Verdict:
	"""What rules say of a group with `resource_group`, `product`, `sku` and `vendor_sku`."""
	skus = frozenset(filter(None, (row.sku, row.vendor_sku)))
	return usage_rules.judge(
		rules, usage_rules.Group(row.resource_group, row.product, skus), clock.pax8_today()
	)


def _undecided(groups: Collection[str]) -> list[Any]:
	"""Those of some groups that are nobody's, and that no person has decided about before; locked."""
	return frappe.db.sql(
		"""select g.name, g.resource_group, g.product, g.pax8_company, g.client, p.sku, p.vendor_sku
		from `tabPax8 Resource Group` g left join `tabPax8 Product` p on p.name = g.product
		where g.name in %(groups)s and g.placement = %(unassigned)s and g.name not in (
			select a.resource_group from `tabPax8 Usage Assignment` a
			where a.resource_group in %(groups)s and ifnull(a.ended_because, '') != %(agreed)s
		) order by g.name""",
		{"groups": tuple(groups), "unassigned": UNASSIGNED, "agreed": AGREED},
		as_dict=True,
	)


def _titles(names: Collection[str]) -> dict[str, str]:
	return dict(
		frappe.get_all(DOCTYPE, {"name": ("in", list(names) or [""])}, ["name", "rule_name"], as_list=True)
	)


# --------------------------------------------------------------------------------------------- for people


def told(verdicts: dict[str, Verdict]) -> dict[str, str]:
	"""Why rules that fit some groups assign nothing, or that they will; a sentence for each group, plain text."""
	rules = {rule.name: rule for verdict in verdicts.values() for rule in verdict.rules}
	titles = _titles(rules)
	disabled = disabled_clients(rule.client for rule in rules.values())
	found = {}
	for group, verdict in verdicts.items():
		names = ", ".join(titles.get(rule.name, rule.name) for rule in verdict.rules)
		if verdict.contradicts:
			found[group] = _("Rules contradict each other, so none is applied: {0}").format(names)
		elif verdict.client in disabled:
			found[group] = _("The client of this rule is disabled: {0}").format(names)
	return found


def decided_before(groups: Collection[str]) -> set[str]:
	"""Those of some groups that a person or a rule has decided about, other than that Pax8 agreed in the end."""
	return set(
		frappe.get_all(
			ASSIGNMENT,
			{"resource_group": ("in", list(groups) or [""]), "ended_because": ("!=", AGREED)},
			pluck="resource_group",
		)
	)
