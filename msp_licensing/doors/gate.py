"""Looks at every request before Frappe acts on it: a hook of Frappe's authentication, for sessions, API keys and OAuth.

Who is a portal user of this app and nothing else may call a short list of functions (`allowed.py`). Everybody may name
the app's DocTypes only if they may read them, and some functions of Frappe run only after a check (`table.py`).
"""

import re

import frappe
from frappe import _

from msp_licensing import permissions
from msp_licensing.doors import allowed, asked, checks, table

# The app's own functions ask for themselves; those that stand in for Frappe's are held to the same as these.
OWN, STAND_INS = "msp_licensing.", ("msp_licensing.doors.", "msp_licensing.overrides.")
# They tell nothing of a record: how its form is made, whether one may read it, or what `replaced.py` leaves of a title.
TELLS_NO_DATA = frozenset(
	(
		"frappe.desk.form.load.getdoctype",
		"frappe.client.has_permission",
		"frappe.client.get_doc_permissions",
		"frappe.desk.search.get_link_title",
		"frappe.model.utils.user_settings.get",
		"frappe.model.utils.user_settings.save",
	)
)
# They take a document that says what to sum up.
TAKES_A_QUESTION = frozenset(
	(
		"frappe.desk.doctype.number_card.number_card.get_result",
		"frappe.desk.doctype.number_card.number_card.get_percentage_difference",
	)
)
PRIVATE = ("/licensing", "/api/method/msp_licensing.portal.")


def check() -> None:
	"""Hook of `validate_auth`. Raises frappe.PermissionError."""
	if not getattr(frappe.local, "request", None) or frappe.session.user == "Administrator":
		return
	called = asked.functions()
	frappe.local.flags.own_function = bool(called) and all(map(is_own, called))
	if is_portal_only(frappe.session.user):
		_check_list(called)
	if frappe.local.flags.own_function:
		return
	_check_aliases(called)
	_check_named(called)
	for function in called:
		if (door := table.CHECKED.get(function)) and door.by:
			getattr(checks, door.by)(asked.arguments())


def is_own(function: str) -> bool:
	return function.startswith(OWN) and not function.startswith(STAND_INS)


def is_portal_only(user: str) -> bool:
	"""Whether a user has a role of the portal, no desk, and no role of anything else."""
	if user in ("Guest", "Administrator") or not permissions.is_website_user(user):
		return False
	roles = set(frappe.get_roles(user)) - {"All", "Guest"}
	return bool(roles) and roles.issubset(permissions.PORTAL_ROLES)


def _check_list(called: list[str]) -> None:
	path = frappe.local.request.path
	functions_fine = all(allowed.function(one, asked.arguments()) for one in called)
	if not (functions_fine if called else allowed.page(path)):
		asked.refuse(_("Your account opens the licensing portal only."))


def _check_aliases(called: list[str]) -> None:
	"""Frappe replaces a function by its path: by another path, the one that was replaced would run."""
	for function in called:
		if function in table.REPLACED and asked.called_path() not in (function, table.REPLACED[function].by):
			asked.refuse(_("This function is called by another path: {0}.").format(function))


def _check_named(called: list[str]) -> None:
	if called and all(one in TELLS_NO_DATA for one in called):
		return
	arguments, whole = asked.arguments(), bool(TAKES_A_QUESTION.intersection(called))
	for doctype in asked.named_doctypes(arguments, in_documents=whole):
		if not may_read(doctype):
			asked.refuse(_("You may not read records of this kind."))
		if (hidden := hidden_fields(doctype)) and not checks.saves(called):
			text = asked.text_of(arguments, in_documents=whole)
			if any(re.search(rf"\b{field}\b", text) for field in hidden):
				asked.refuse(_("You may not read costs and prices."))


def may_read(doctype: str) -> bool:
	"""Whether the user may read records of one of the app's DocTypes; of a child table, those of a DocType with it."""
	if not frappe.get_meta(doctype).istable:
		return bool(frappe.has_permission(doctype, "read")) and not permissions.is_website_user(
			frappe.session.user
		)
	return any(may_read(parent) for parent in parents_of(doctype))


def parents_of(child: str) -> list[str]:
	return frappe.get_all(
		"DocField", filters={"options": child, "fieldtype": ("like", "Table%")}, pluck="parent", distinct=True
	)


def hidden_fields(doctype: str) -> list[str]:
	"""The fields of one of the app's DocTypes whose level the user may not read: costs and prices."""
	meta = frappe.get_meta(doctype)
	if not (fields := [field.fieldname for field in meta.fields if field.permlevel]):
		return []
	levels: set[int] = set()
	for owner in parents_of(doctype) if meta.istable else [doctype]:
		levels |= set(frappe.get_meta(owner).get_permlevel_access("read"))
	return [name for name in fields if meta.get_field(name).permlevel not in levels]


def keep_private(response=None, request=None) -> None:
	"""Hook after every request: no browser and no proxy keeps what a client reads, not even for "back" after logout."""
	if response is not None and request is not None and request.path.startswith(PRIVATE):
		response.headers["Cache-Control"] = "no-store, private"
