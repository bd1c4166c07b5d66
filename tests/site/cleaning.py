"""What tests leave behind, and how it goes. A module of its own: "conftest" is the name of several."""

from typing import Any

TRACES = (
	"Notification Log",
	"ToDo",
	"Email Queue",
	"Email Queue Recipient",
	"Workflow Action",
	"Workflow Action Permitted Role",
	"Version",
	"Comment",
	"DocShare",
	"Error Log",
)


def clean_requests(frappe: Any) -> None:
	"""No requests, and none of the traces they leave."""
	for doctype in ("License Change Request", "License Change Attempt", "License Change Notice", *TRACES):
		frappe.db.sql(f"delete from `tab{doctype}`")
	frappe.db.commit()


def empty_queues(frappe: Any) -> None:
	from frappe.utils.background_jobs import get_queue

	for name in ("short", "default", "long"):
		get_queue(name).empty()
