"""What happened to a request is written as a row when it happens; nobody writes, changes or removes such a row."""

import pytest
from notice_helpers import ask as asked

DT = "License Change Request"
EVENT = "License Change Event"


@pytest.fixture
def request_made(site, people):
	return asked(site, people.requester).name


def rows(site, name):
	from msp_licensing.changes.audit import events

	return events.of([name])[name]


def test_rows_keep_their_order_and_the_numbers_of_the_request(site, people, request_made):
	from msp_licensing.changes.audit import events

	before = len(rows(site, request_made))
	for key in ("reminded", "edited", "reminded"):
		events.record(request_made, key, quantity=3, detail=" as typed <b> ", reason="x")
	written = rows(site, request_made)[before:]
	assert [row.event for row in written] == ["reminded", "edited", "reminded"]
	assert [row.number for row in written] == [before + 1, before + 2, before + 3]
	row = written[1]
	assert (row.current_quantity, row.requested_quantity, row.quantity) == (10, 40, 3)
	assert (row.detail, row.facts) == ("as typed <b>", {"reason": "x"})
	assert (row.actor, row.user, written[0].user) == ("Staff", "Administrator", None)


def test_nobody_writes_changes_or_deletes_an_event(site, people, request_made, as_user):
	from msp_licensing.changes.audit import events

	events.record(request_made, "reminded")
	site.db.commit()
	name = site.get_all(EVENT, {"request": request_made}, pluck="name", order_by="number desc")[0]
	forged = {"doctype": EVENT, "request": request_made, "event": "approved", "happened_at": "2026-01-01"}
	for user in (people.manager, people.system_manager, "Administrator"):
		with as_user(user):
			for way in (
				lambda: site.get_doc(forged).insert(),
				lambda: site.get_doc(forged).insert(ignore_permissions=True),
				lambda: site.get_doc(forged).db_insert(),
				lambda: site.get_doc(EVENT, name).save(ignore_permissions=True),
				lambda: site.get_doc(EVENT, name).db_set("event", "approved"),
				lambda: site.get_doc(EVENT, name).db_update(),
				lambda: site.delete_doc(EVENT, name, force=True, ignore_permissions=True),
				lambda: site.rename_doc(EVENT, name, "other", force=True),
			):
				with pytest.raises((site.PermissionError, site.ValidationError)):
					way()
				site.db.rollback()
				site.set_user(user)
	assert site.db.get_value(EVENT, name, "event") == "reminded"


def test_the_log_settings_never_clear_events(site):
	from frappe.core.doctype.log_settings.log_settings import _supports_log_clearing

	assert not _supports_log_clearing(EVENT)
