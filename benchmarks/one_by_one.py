"""The sync of subscriptions as connectors for Frappe commonly write it, to compare with.

The shape is that of frappe/ecommerce_integrations (import of all Shopify products): a page, then for each record a
savepoint, a look whether it is there, a document saved, an error that rolls back to the savepoint; a commit a page; the
next page. Kept out in its favour: messages to the browser for each record, versions, permission checks, and the
controller that this app has for its own mirrored records. Pages are of 200 rows, and the connection is kept.
"""

from typing import Any

import frappe
from frappe.integrations.utils import get_request_session
from frappe.utils import cint, flt, get_datetime, getdate

PAGE_SIZE = 200
PREFIX = "Benchmark "


def sync(doctype: str, most: int) -> int:
	"""Fetches and saves the first `most` subscriptions; returns how many there were."""
	settings = frappe.get_doc("Pax8 Settings")
	session = get_request_session()
	token = session.post(
		f"{settings.base_url}/token",
		json={
			"client_id": settings.client_id,
			"client_secret": settings.get_password("client_secret"),
			"audience": settings.audience,
			"grant_type": "client_credentials",
		},
		timeout=30,
	).json()["access_token"]
	session.headers["Authorization"] = f"Bearer {token}"
	page, done = 0, 0
	while True:
		answer = session.get(
			f"{settings.base_url}/subscriptions", params={"page": page, "size": PAGE_SIZE}, timeout=30
		)
		answer.raise_for_status()
		body = answer.json()
		for record in body["content"]:
			frappe.db.savepoint("one_subscription")
			try:
				sync_one(doctype, record)
			except Exception:
				frappe.db.rollback(save_point="one_subscription")
				raise
			done += 1
		frappe.db.commit()  # nosemgrep: frappe-manual-commit - a command, and no request that Frappe would commit
		page += 1
		if page >= body["page"]["totalPages"] or done >= most:
			return done


def sync_one(doctype: str, record: dict[str, Any]) -> None:
	if frappe.db.exists(doctype, record["id"]):
		doc = frappe.get_doc(doctype, record["id"])
	else:
		doc = frappe.new_doc(doctype)
		doc.pax8_id = record["id"]
	client_doctype, client = (
		frappe.db.get_value("Pax8 Company", record["companyId"], field, cache=True)
		for field in ("client_doctype", "client")
	)
	vendor = frappe.db.get_value("Pax8 Product", record["productId"], "vendor", cache=True)
	commitment = record.get("commitmentTerm") or {}
	doc.update(
		{
			"client_doctype": client_doctype,
			"client": client,
			"pax8_company": record["companyId"],
			"product": record["productId"],
			"product_name": record.get("productName"),
			"vendor": vendor,
			"quantity": cint(record.get("quantity")),
			"status": record.get("status"),
			"parent_subscription": record.get("parentSubscriptionId"),
			"billing_term": record.get("billingTerm"),
			"start_date": _date(record.get("startDate")),
			"end_date": _date(record.get("endDate")),
			"billing_start": _date(record.get("billingStart")),
			"commitment_term_id": commitment.get("id"),
			"commitment_term": commitment.get("term"),
			"commitment_end": _date(commitment.get("endDate")),
			"currency": record.get("currencyCode"),
			"price": flt(record.get("price")),
			"partner_cost": flt(record.get("partnerCost")),
			"pax8_created_on": _moment(record.get("createdDate")),
			"pax8_updated_on": _moment(record.get("updatedDate")),
		}
	)
	doc.save(ignore_permissions=True)


def _date(text: str | None) -> Any:
	return getdate(text) if text else None


def _moment(text: str | None) -> Any:
	return get_datetime(text).replace(tzinfo=None) if text else None


# ------------------------------------------------------------------------- DocTypes without our own controllers


def plain_name(doctype: str) -> str:
	return PREFIX + doctype.removeprefix("Pax8 ")


def plain_copy(doctype: str, children: dict[str, str] | None = None, *, versions: bool = False) -> str:
	"""Makes a DocType with the same fields and indexes, and no controller; returns its name.

	Args:
		children: child tables and the copies that take their place.
		versions: whether Frappe records what changes.
	"""
	name = plain_name(doctype) + (" with Versions" if versions else "")
	if frappe.db.exists("DocType", name):
		return name
	meta = frappe.get_meta(doctype)
	kept = (
		"fieldname",
		"fieldtype",
		"label",
		"options",
		"search_index",
		"unique",
		"reqd",
		"precision",
		"length",
	)
	fields = [{key: field.get(key) for key in kept} for field in meta.fields if field.fieldtype != "HTML"]
	for field in fields:
		if field["fieldtype"] == "Table":
			field["options"] = (children or {})[field["options"]]
	frappe.get_doc(
		{
			"doctype": "DocType",
			"name": name,
			"module": "Custom",
			"custom": 1,
			"istable": meta.istable,
			"track_changes": int(versions),
			"autoname": meta.autoname,
			"fields": fields,
			"permissions": []
			if meta.istable
			else [{"role": "System Manager", "read": 1, "write": 1, "create": 1}],
		}
	).insert(ignore_permissions=True)
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - a command, and no request that Frappe would commit
	return name


def remove_plain_copies() -> None:
	for name in frappe.get_all("DocType", {"name": ("like", PREFIX + "%"), "custom": 1}, pluck="name"):
		frappe.delete_doc("DocType", name, force=True, ignore_permissions=True)
		frappe.db.commit()  # nosemgrep: frappe-manual-commit - a command, and no request that Frappe would commit
		frappe.db.sql_ddl(f"drop table if exists `tab{name}`")
