"""The doors: what of Frappe is closed, for whom, why, and since when Frappe closes it itself. hooks.py is made from it.

Nothing is imported here but the standard library, as hooks.py reads it.
"""

from dataclasses import dataclass

# For whom a door is closed.
NOT_THE_DESK = "users without a desk"
NO_READ = "whoever may not read the record it is about"
NO_COST = "whoever may not read the costs it is about"
NOT_OWN = "everybody but the one user it belongs to"


@dataclass(frozen=True)
class Door:
	"""One entry.

	Args:
		closed_for: for whom, in words.
		why: what was to be had.
		since: the version from which Frappe itself closes it; None: not yet.
		by: the function that takes Frappe's place, or the check that runs before it (a name in `checks.py`).
	"""

	closed_for: str
	why: str
	by: str = ""
	since: str | None = None


_HERE = "msp_licensing.doors"

# Functions that are replaced, since their answer has to be another one.
REPLACED: dict[str, Door] = {
	"frappe.client.get_count": Door(
		f"{NOT_THE_DESK} (they count what they may read), and {NO_READ}",
		"It counts any table by any filter: a cost is found by a few dozen guesses.",
		f"{_HERE}.replaced.get_count",
	),
	"frappe.desk.doctype.dashboard_chart.dashboard_chart.get": Door(
		f"{NOT_THE_DESK}, and {NO_COST}",
		"It sums up any field of any DocType; a heatmap tells exact values, day by day.",
		f"{_HERE}.replaced.get_chart",
	),
	"frappe.desk.listview.get_group_by_count": Door(
		f"{NOT_THE_DESK}, and {NO_READ}",
		"It tells by its counts what the records of any DocType are like.",
		f"{_HERE}.replaced.get_group_by_count",
	),
	"frappe.utils.goal.get_monthly_goal_graph_data": Door(
		f"{NOT_THE_DESK}, and {NO_COST}",
		"It sums up any field of any DocType.",
		f"{_HERE}.replaced.get_goals",
	),
	"frappe.workflow.doctype.workflow.workflow.get_workflow_state_count": Door(
		f"{NOT_THE_DESK}, and for rows the user may not read",
		"It asks for the right to the DocType and then lists any column of all rows: bell entries, ToDos, people, files.",
		f"{_HERE}.replaced.get_workflow_state_count",
	),
	"frappe.desk.search.get_link_title": Door(
		NO_READ,
		"It tells the title of any record by its name. Who may not read it gets the name back, as for records without a title.",
		f"{_HERE}.replaced.get_link_title",
	),
}

# Functions that run only after a check.
_WRITES = "It writes onto any record, or refers to it, without asking for the right to it."
_PUBLIC = "It reaches any record, and tells existing names from others."
_ANY_TABLE = "It asks for the right to the DocType, not to the rows it tells of."
CHECKED: dict[str, Door] = {
	"frappe.templates.includes.comments.comments.add_comment": Door(
		NO_READ, "It comments on any record in any name, and mails its owner.", "web_comment"
	),
	"frappe.templates.includes.likes.likes.like": Door(
		"all records but published pages", _PUBLIC, "web_like"
	),
	"frappe.website.doctype.discussion_topic.discussion_topic.submit_discussion": Door(
		NO_READ, _WRITES + " It also overwrites anybody's reply.", "discussion"
	),
	"frappe.website.doctype.discussion_reply.discussion_reply.delete_message": Door(
		NOT_OWN, "It deletes anybody's reply.", "own_reply"
	),
	"frappe.website.doctype.help_article.help_article.add_feedback": Door(
		"all records but published pages", _PUBLIC, "help_article"
	),
	"frappe.desk.like.toggle_like": Door(NO_READ, _WRITES, "reference"),
	"frappe.desk.doctype.tag.tag.add_tag": Door(NO_READ, _WRITES, "reference"),
	"frappe.desk.doctype.tag.tag.add_tags": Door(NO_READ, _WRITES, "reference"),
	"frappe.desk.doctype.tag.tag.remove_tag": Door(NO_READ, _WRITES, "reference"),
	"frappe.desk.doctype.tag.tag.get_tagged_docs": Door(f"{NOT_THE_DESK}, and {NO_READ}", _ANY_TABLE, "desk"),
	"frappe.desk.form.document_follow.follow_document": Door(NO_READ, _WRITES, "reference"),
	"frappe.desk.form.document_follow.unfollow_document": Door(NO_READ, _WRITES, "reference"),
	"frappe.desk.form.document_follow.update_follow": Door(NO_READ, _WRITES, "reference"),
	"frappe.desk.form.document_follow.get_follow_users": Door(
		NO_READ, "It tells who follows a record.", "reference"
	),
	"frappe.desk.form.assign_to.add": Door(NO_READ, _WRITES, "reference"),
	"frappe.desk.form.assign_to.add_multiple": Door(NO_READ, _WRITES, "reference"),
	"frappe.desk.form.assign_to.remove": Door(NO_READ, _WRITES, "reference"),
	"frappe.desk.form.assign_to.remove_multiple": Door(NO_READ, _WRITES, "reference"),
	"frappe.desk.form.assign_to.close": Door(NO_READ, _WRITES, "reference"),
	"frappe.share.add": Door(NO_READ, _WRITES, "reference"),
	"frappe.share.set_permission": Door(NO_READ, _WRITES, "reference"),
	"frappe.share.get_users": Door(NO_READ, "It tells whom a record is shared with.", "reference"),
	"frappe.core.doctype.communication.email.make": Door(
		NO_READ, _WRITES + " It mails any private file that is named to it.", "mail"
	),
	"frappe.utils.file_manager.add_attachments": Door(NO_READ, "It attaches any private file.", "mail"),
	"frappe.email.relink": Door(NO_READ, _WRITES, "reference"),
	"frappe.model.document.unlock_document": Door(NO_READ, _WRITES, "reference"),
	"frappe.social.doctype.energy_point_log.energy_point_log.get_reviews": Door(
		NO_READ, "It tells what was said of a record.", "reference"
	),
	"frappe.core.doctype.submission_queue.submission_queue.get_latest_submissions": Door(
		NO_READ, "It tells of a record's submissions.", "reference"
	),
	"frappe.desk.form.load.get_communications": Door(
		NO_READ, "It tells what was written about a record.", "reference"
	),
	"frappe.core.api.file.get_attached_images": Door(
		NO_READ, "It lists what is attached to any record.", "reference"
	),
	"frappe.contacts.doctype.address.address.get_default_address": Door(
		NOT_THE_DESK, "It tells the address of any record.", "desk"
	),
	"frappe.core.doctype.sms_settings.sms_settings.get_contact_number": Door(
		NOT_THE_DESK, "It tells anybody's phone number.", "desk"
	),
	"frappe.desk.doctype.notification_log.notification_log.mark_as_read": Door(
		NOT_OWN, "It marks anybody's bell entry as read.", "own_bell"
	),
	"frappe.core.doctype.access_log.access_log.make_access_log": Door(
		NO_READ, "It writes into the log of exports that somebody took a record away.", "reference"
	),
	"frappe.geo.utils.get_coords": Door(f"{NOT_THE_DESK}, and {NO_READ}", _ANY_TABLE, "desk"),
	"frappe.handler.upload_file": Door(NO_READ, _WRITES, "upload"),
	"frappe.handler.uploadfile": Door(NO_READ, _WRITES, "upload"),
	"frappe.client.attach_file": Door(NO_READ, _WRITES, "reference"),
	"frappe.model.workflow.bulk_workflow_approval": Door(
		NO_READ, "It writes an Error Log and a message for records of any name.", "reference"
	),
	"frappe.api.v1.read_doc": Door(
		NO_COST,
		"From 15.60 on, `expand_links` answers with the whole of every record that one refers to.",
		"expanded_document",
	),
	"frappe.api.v1.document_list": Door(NO_COST, "`expand` does the same for lists.", "expanded_list"),
	"frappe.api.v2.document_list": Door(NO_COST, "`expand` does the same for lists.", "expanded_list"),
	"frappe.client.get_list": Door(NO_COST, "`expand` does the same for lists.", "expanded_list"),
}

# DocTypes of which Frappe gives everybody more than is theirs.
RECORDS: dict[str, Door] = {
	"Notification Log": Door(
		NOT_OWN,
		"Any signed-in user reads and prints anybody's bell entries by `document_name` and `for_user`.",
		f"{_HERE}.records.own_bell_entry",
	),
	"File": Door(
		"whoever may not read the private file that a new File names",
		"A File with somebody else's address gives whoever made it that file.",
		f"{_HERE}.files.may_create",
	),
}

# DocTypes that refer to a record: pairs of the fields with its DocType and its name. What refers to one of the app's
# records is only taken from somebody who may read that record.
REFERENCES: dict[str, tuple[tuple[str, str], ...]] = {
	"Activity Log": (("reference_doctype", "reference_name"), ("link_doctype", "link_name")),
	"Auto Repeat": (("reference_doctype", "reference_document"),),
	"Comment": (("reference_doctype", "reference_name"),),
	"Communication": (("reference_doctype", "reference_name"),),
	"Discussion Topic": (("reference_doctype", "reference_docname"),),
	"DocShare": (("share_doctype", "share_name"),),
	"Document Follow": (("ref_doctype", "ref_docname"),),
	"Document Share Key": (("reference_doctype", "reference_docname"),),
	"Email Unsubscribe": (("reference_doctype", "reference_name"),),
	"Energy Point Log": (("reference_doctype", "reference_name"),),
	"Event": (("reference_doctype", "reference_docname"),),
	"File": (("attached_to_doctype", "attached_to_name"),),
	"Integration Request": (("reference_doctype", "reference_docname"),),
	"Kanban Board": (("reference_doctype", ""),),
	"Milestone": (("reference_type", "reference_name"),),
	"Reminder": (("reminder_doctype", "reminder_docname"),),
	"Tag Link": (("document_type", "document_name"),),
	"ToDo": (("reference_type", "reference_name"),),
}
# The same in their child tables: the field of the table, and its pair.
REFERENCES_IN_ROWS: dict[str, tuple[tuple[str, str, str], ...]] = {
	"Communication": (("timeline_links", "link_doctype", "link_name"),),
	"Event": (("event_participants", "reference_doctype", "reference_docname"),),
}

# Which arguments name the record that a function of CHECKED is about, first come first served.
DOCTYPE_ARGUMENTS = ("reference_doctype", "dt", "doctype")
NAME_ARGUMENTS = (
	*("reference_name", "reference_docname", "dn", "docname", "doc_name", "document", "name"),
	*("names", "docs", "docnames"),
)

# DocTypes whose merging needs the right to write both records: everybody may make and keep some of them.
MERGED = ("Address", "Contact")


# --------------------------------------------------------------------------------------------- for hooks.py


def overrides() -> dict[str, str]:
	"""For `override_whitelisted_methods`."""
	return {function: door.by for function, door in REPLACED.items()}


def document_permissions() -> dict[str, str]:
	"""For `has_permission`."""
	return {doctype: door.by for doctype, door in RECORDS.items()}


def with_events(others: dict[str, dict[str, str | list[str]]]) -> dict[str, dict[str, list[str]]]:
	"""For `doc_events`: what the app does at events of documents, and the doors with it."""
	events: dict[str, dict[str, list[str]]] = {
		doctype: {event: [way] if isinstance(way, str) else [*way] for event, way in ways.items()}
		for doctype, ways in others.items()
	}

	def add(doctype: str, event: str, way: str) -> None:
		events.setdefault(doctype, {}).setdefault(event, []).append(f"{_HERE}.{way}")

	for doctype in REFERENCES:
		add(doctype, "before_validate", "references.check")
	add("File", "before_validate", "files.check")
	add("*", "validate", "files.check_attached")
	for doctype in MERGED:
		add(doctype, "before_rename", "records.check_merge")
	return events
