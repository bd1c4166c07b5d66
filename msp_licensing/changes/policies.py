"""The policy that counts for a client: Licensing Settings, with what a Licensing Client Policy says otherwise."""

import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import frappe
from frappe import _
from frappe.utils import cint, flt

from msp_licensing.changes.pricing import decimal
from msp_licensing.changes.terms import return_windows
from msp_licensing.rules.policy import (
	Policy,
	SelfService,
	validate_limits,
	validate_options,
	validate_threshold,
)
from msp_licensing.rules.strictest import strictest
from msp_licensing.rules.words import problem_sentence

CLIENT_POLICY = "Licensing Client Policy"

FIELDS = (
	"name",
	"require_approval",
	"threshold_mode",
	"threshold",
	"threshold_may_release",
	"decreases_need_approval",
	"override_free_seats",
	"free_seats",
	"override_window",
	"window_days",
	"override_amounts",
	"limit_currency",
	"limit_per_change",
	"limit_per_month",
	"client_approval",
	"client_approval_above",
	"self_service",
	"override_limits",
	"min_quantity",
	"max_quantity",
	"settings_count_too",
)


def current_policy(settings: Any = None) -> Policy:
	"""The global policy; `settings` may be a Licensing Settings document that is not saved yet."""
	settings = settings or frappe.get_cached_doc("Licensing Settings")
	return Policy(
		require_approval=bool(cint(settings.require_approval_by_default)),
		threshold=decimal(settings.auto_approve_threshold)
		if cint(settings.use_auto_approve_threshold)
		else None,
		vendor_overrides=tuple(row.vendor for row in settings.vendor_overrides),
		allow_self_service=bool(cint(settings.allow_self_service_by_default)),
		min_quantity=cint(settings.default_min_quantity),
		max_quantity=cint(settings.default_max_quantity),
		threshold_may_release=bool(cint(settings.threshold_may_release)),
		decreases_need_approval=bool(cint(settings.decreases_need_approval)),
		free_seats=cint(settings.free_seats),
		window_days=cint(settings.window_days),
		limit_per_change=_limit(settings.limit_per_change),
		limit_per_month=_limit(settings.limit_per_month),
		limit_currency=settings.limit_currency or None,
		client_approval_above=decimal(settings.client_approval_above)
		if cint(settings.use_client_approval)
		else None,
		return_windows=return_windows(settings),
	)


def unsaved_settings(values: str | dict[str, Any]) -> Any:
	"""Licensing Settings as they are in somebody's form: what is saved, with `values` (or their JSON) over it.

	Only to be asked, never to be saved.
	"""
	values = json.loads(values) if isinstance(values, str) else values
	settings = frappe.get_doc("Licensing Settings")
	for field in settings.meta.get("fields"):
		if field.fieldname in values:
			settings.set(field.fieldname, values[field.fieldname])
	return settings


def policy_for(client_doctype: str | None, client: str | None, settings: Any = None) -> Policy:
	"""The policy that counts for a client: the global one, or its own where it has one; see `with_all`.

	Args:
		settings: a Licensing Settings document, saved or not; None: the site's.
	"""
	return with_all(current_policy(settings), own_policies(client_doctype, client))


def policies_for(rows: list[Any], settings: Any = None) -> dict[tuple[str | None, str | None], Policy]:
	"""The policies of all clients of subscription rows (client_doctype, client), read at once."""
	policy = current_policy(settings)
	wanted = {(row.client_doctype, row.client) for row in rows}
	found: dict[tuple[str | None, str | None], list[Any]] = {}
	for own in frappe.get_all(
		CLIENT_POLICY,
		{"client": ("in", [client for _doctype, client in wanted if client] or [""]), "disabled": 0},
		[*FIELDS, "client_doctype", "client"],
		order_by="creation asc, name asc",
	):
		found.setdefault((own.client_doctype, own.client), []).append(own)
	return {key: with_all(policy, found.get(key, ())) for key in wanted}


def own_policies(client_doctype: str | None, client: str | None) -> list[Any]:
	"""Each Licensing Client Policy of a client that is not disabled, the oldest first: one, but for merged clients."""
	if not client:
		return []
	return frappe.get_all(
		CLIENT_POLICY,
		{"client_doctype": client_doctype, "client": client, "disabled": 0},
		list(FIELDS),
		order_by="creation asc, name asc",
	)


def with_all(policy: Policy, own: Sequence[Any]) -> Policy:
	"""The global policy with what the client's own say otherwise: of several, the strictest value of each option.

	After a merge with a client that had none, the global one is among them until somebody has looked.
	"""
	if not own:
		return policy
	counting = [with_own(policy, one) for one in own]
	if any(cint(one.get("settings_count_too")) for one in own):
		counting.append(policy)
	return strictest(counting)


def with_own(policy: Policy, own: Any) -> Policy:
	"""The global policy with what a client's own (a row or document) says otherwise.

	Vendors that always need approval do so for every client.
	"""
	changes: dict[str, Any] = {}
	for field in ("require_approval", "threshold_may_release", "decreases_need_approval"):
		if own.get(field) in ("On", "Off"):
			changes[field] = own.get(field) == "On"
	if own.threshold_mode in ("Own", "None"):
		changes["threshold"] = decimal(own.threshold) if own.threshold_mode == "Own" else None
	if cint(own.override_free_seats):
		changes["free_seats"] = cint(own.free_seats)
	if cint(own.override_window):
		changes["window_days"] = cint(own.window_days)
	if own.self_service in (SelfService.ALLOW, SelfService.DENY):
		changes["allow_self_service"] = own.self_service == SelfService.ALLOW
	if cint(own.override_limits):
		changes |= {"min_quantity": cint(own.min_quantity), "max_quantity": cint(own.max_quantity)}
	if cint(own.override_amounts):
		changes |= {
			"limit_per_change": _limit(own.limit_per_change),
			"limit_per_month": _limit(own.limit_per_month),
			"limit_currency": own.limit_currency or None,
		}
		if policy.client_approval_above and own.limit_currency != policy.limit_currency:
			# An amount in another currency cannot be compared: the client's approver is asked in any case.
			changes["client_approval_above"] = Decimal(0)
	if own.client_approval == "Needed":
		changes["client_approval_above"] = decimal(own.client_approval_above)
	elif own.client_approval == "Not Needed":
		changes["client_approval_above"] = None
	return replace(policy, **changes)


def check_own(own: Any) -> None:
	"""Refuses a Licensing Client Policy with which no change, or not every change, could be decided.

	What it inherits is looked at, too: a maximum of its own may lie below the global minimum.
	"""
	policy = with_own(current_policy(), own)
	throw_problem(
		validate_threshold(policy.threshold)
		or validate_limits(policy.min_quantity, policy.max_quantity)
		or validate_options(policy)
	)


def throw_problem(problem: str | None) -> None:
	"""Refuses to save what a validating function of the rules found a problem with."""
	if problem:
		message, values = problem_sentence(problem)
		frappe.throw(_(message).format(**values))


def _limit(value: Any) -> Decimal | None:
	"""A limit in money; 0 says that there is none."""
	return decimal(value) if flt(value) else None
