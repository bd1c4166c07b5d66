"""What changes at Pax8 leaves an entry on the subscription: old, new, when, and who made it."""

import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest

from msp_licensing.sandbox import storybook

KEEPER = storybook.CEDAR_KEEPER


def sync(kind="Subscriptions", **options):
	from msp_licensing.sync import jobs

	return jobs.run(kind, trigger="Manual", **options)


def entries(site, subscription=KEEPER, **filters):
	return site.get_all(
		"Pax8 Subscription Change",
		filters={"subscription": subscription, **filters},
		fields=["*"],
		order_by="seen_on asc, field asc",
	)


def told(rows):
	return {row.field: (row.old_value, row.new_value) for row in rows}


def test_what_changed_outside_is_recorded_once_with_old_and_new(site, sandbox):
	sandbox.change("subscriptions", KEEPER, quantity=12, price=4.5)
	sync()
	sync()
	rows = entries(site)
	assert told(rows)["Quantity"] == ("10", "12")
	assert told(rows)["Price"][1] == "4.5"
	assert {row.source for row in rows} == {"Outside"} and not any(row.request for row in rows)
	assert {row.client for row in rows} == {"Cedar & Pine Architects"}
	assert len(rows) == len(told(rows)), "each once"


def test_nothing_else_is_recorded(site, sandbox):
	sync()
	assert not site.get_all("Pax8 Subscription Change"), "a first and an unchanged sync are no changes"
	sandbox.change("subscriptions", KEEPER, wire={"productName": "Keeper, renamed"})
	sync()
	assert site.db.get_value("Pax8 Subscription", KEEPER, "product_name") == "Keeper, renamed"
	assert not site.get_all("Pax8 Subscription Change")


def test_a_price_that_appears_or_disappears_is_not_taken_for_zero(site, sandbox):
	sandbox.change("subscriptions", KEEPER, absent=["price"])
	sync()
	(row,) = entries(site)
	assert row.field == "Price" and Decimal(row.old_value) > 0 and row.new_value is None


def test_a_price_of_nothing_is_a_price_and_no_change_when_something_else_changes(site, sandbox):
	sandbox.change("subscriptions", KEEPER, price=0)
	sync()
	site.db.delete("Pax8 Subscription Change")
	sandbox.change("subscriptions", KEEPER, wire={"productName": "Keeper, renamed"})
	sync()
	assert site.db.get_value("Pax8 Subscription", KEEPER, ["price", "has_price"]) == (0, 1)
	assert not site.get_all("Pax8 Subscription Change")


def test_pax8s_history_tells_when_and_what_lay_between(site, sandbox):
	sandbox.change("subscriptions", KEEPER, quantity=14)
	sandbox.clock.advance(3600)
	sandbox.change("subscriptions", KEEPER, quantity=11)
	sync()
	(row,) = entries(site, field="Quantity")
	assert (row.old_value, row.new_value, row.history_due) == ("10", "11", 0)
	assert "10 → 14" in row.history and "14 → 11" in row.history
	assert row.changed_on
	calls = len(sandbox.calls("findSubscriptionHistoryBySubscriptionId"))
	sync()
	assert len(sandbox.calls("findSubscriptionHistoryBySubscriptionId")) == calls, "asked once"


def test_a_history_that_cannot_be_read_is_asked_for_again_and_spoils_no_run(site, sandbox):
	sandbox.faults.add("status", "findSubscriptionHistoryBySubscriptionId", status=403)
	sandbox.change("subscriptions", KEEPER, quantity=14)
	assert site.db.get_value("Pax8 Sync Run", sync(), "status") == "Completed"
	assert entries(site)[0].history_due == 1
	sync()
	assert "10 → 14" in entries(site, field="Quantity")[0].history


def test_what_vanishes_and_returns_is_recorded(site, sandbox):
	world = sandbox.world
	with sandbox.app.lock:
		sophos = world.subscriptions.get(storybook.CEDAR_SOPHOS)
		world.remove_subscription(storybook.CEDAR_SOPHOS)
	sync()
	assert told(entries(site, storybook.CEDAR_SOPHOS)) == {"No Longer at Pax8": (None, "1")}
	with sandbox.app.lock:
		world.add_subscription(sophos)
	sync()
	assert [(row.old_value, row.new_value) for row in entries(site, storybook.CEDAR_SOPHOS)] == [
		(None, "1"),
		("1", None),
	]


def applied(site, people, quantity):
	from msp_licensing import permissions
	from msp_licensing.changes import apply, requests
	from msp_licensing.sync import connection

	request = requests.submit(KEEPER, str(quantity), access=permissions.portal_access(people.requester))
	assert request.workflow_state == "Approved"
	site.db.commit()
	with connection.client() as pax8:
		apply.run(request.name, pax8=pax8)
	return request.name


def test_a_change_of_our_own_is_recognised_as_such(site, sandbox, people):
	name = applied(site, people, 15)
	assert site.db.get_value("License Change Request", name, "workflow_state") == "Applied"
	sync()
	rows = entries(site, field="Quantity")
	assert [(row.old_value, row.new_value, row.source, row.request) for row in rows] == [
		("10", "15", "Request", name)
	]
	assert not entries(site, source="Outside"), "its provisioning is its own, too"


def test_a_sync_that_sees_our_change_before_it_was_read_back_knows_whose_it_is(site, sandbox, people):
	"""The worker died between sending and reading back; the hourly sync comes first."""
	from msp_licensing import permissions
	from msp_licensing.changes import apply, requests
	from msp_licensing.sync import connection

	request = requests.submit(KEEPER, "15", access=permissions.portal_access(people.requester))
	site.db.commit()
	with connection.client() as pax8:
		update = pax8.update_quantity

		def and_die(*arguments):
			update(*arguments)
			raise KeyboardInterrupt

		pax8.update_quantity = and_die
		with pytest.raises(KeyboardInterrupt):
			apply.run(request.name, pax8=pax8)
	site.db.rollback()
	sandbox.clock.advance(60)
	sync()
	(row,) = entries(site, field="Quantity")
	assert (row.source, row.request) == ("Request", request.name)


def test_somebody_elses_change_after_our_own_is_outside(site, sandbox, people):
	applied(site, people, 15)
	sandbox.change("subscriptions", KEEPER, quantity=16)
	sync()
	assert [(row.new_value, row.source) for row in entries(site, field="Quantity")] == [
		("15", "Request"),
		("16", "Outside"),
	]


def test_a_walk_does_not_undo_what_was_read_after_it_began(site, sandbox):
	"""A page of the walk is older than the single read that a change being applied makes meanwhile."""
	from msp_licensing.pax8 import Pax8Client
	from msp_licensing.sync import subscriptions

	sandbox.change("subscriptions", KEEPER, quantity=11)
	pax8 = Pax8Client(client_id="sandbox", client_secret="sandbox", base_url=sandbox.url)
	walk = pax8.subscriptions

	def then_it_changes(**options):
		rows = list(walk(**options))
		sandbox.change("subscriptions", KEEPER, quantity=20)
		subscriptions.store_one(pax8.subscription(KEEPER))
		site.db.commit()
		yield from rows

	pax8.subscriptions = then_it_changes
	with pax8:
		sync(pax8=pax8)
	assert site.db.get_value("Pax8 Subscription", KEEPER, "quantity") == 20
	assert [(row.old_value, row.new_value) for row in entries(site, field="Quantity")] == [("10", "20")]
	assert site.db.get_value("Pax8 Sync Run", sync(), "rows_changed") == 0


def test_the_row_and_its_entry_are_written_together_or_not_at_all(site, sandbox, monkeypatch):
	from msp_licensing.sync import recorded

	sandbox.change("subscriptions", KEEPER, quantity=12)

	def killed(*arguments):
		raise SystemExit

	with monkeypatch.context() as patch, pytest.raises(SystemExit):
		patch.setattr(recorded, "record", killed)
		sync()
	site.db.rollback()
	assert site.db.get_value("Pax8 Subscription", KEEPER, "quantity") == 10 and not entries(site)
	sync()
	assert told(entries(site))["Quantity"] == ("10", "12")


def test_a_subscription_that_moves_to_a_company_nobody_mapped_leaves_its_client(site, sandbox):
	sandbox.change("subscriptions", KEEPER, companyId=storybook.BLUE_HARBOR_DENTAL)
	sync()
	row = site.db.get_value("Pax8 Subscription", KEEPER, ["pax8_company", "client"], as_dict=True)
	assert row == {"pax8_company": storybook.BLUE_HARBOR_DENTAL, "client": None}
	assert told(entries(site))["Pax8 Company"] == (storybook.CEDAR_AND_PINE, storybook.BLUE_HARBOR_DENTAL)


def test_a_subscription_that_moves_between_clients_is_the_new_ones_at_once(site, sandbox):
	from msp_licensing.setup import demo

	sandbox.change("subscriptions", KEEPER, companyId=storybook.MUELLER_UND_SOEHNE)
	sync()
	assert site.db.get_value("Pax8 Subscription", KEEPER, "client") == demo.MUELLER


# --------------------------------------------------------------------------------------------- on the timeline


def timeline(site, name=KEEPER):
	from frappe.desk.form.load import get_additional_timeline_content

	return [item["content"] for item in get_additional_timeline_content("Pax8 Subscription", name)]


def test_the_timeline_tells_it_in_words(site, sandbox, people, as_user):
	name = applied(site, people, 15)
	sandbox.change("subscriptions", KEEPER, quantity=16, price=4.5)
	sync()
	with as_user(people.manager):
		outside, own = timeline(site)
	assert "Quantity <b>15</b> → <b>16</b>" in outside and "outside of this site" in outside
	assert "Price" in outside and "4.5" in outside
	assert "Quantity <b>10</b> → <b>15</b>" in own and name in own


def test_prices_are_not_told_to_who_may_not_see_them(site, sandbox, as_user):
	sandbox.change("subscriptions", KEEPER, quantity=16, price=4.5)
	sync()
	user = site.get_doc(
		{"doctype": "User", "email": "few.rights@example.com", "first_name": "Few", "send_welcome_email": 0}
	).insert(ignore_if_duplicate=True)
	with as_user(user.name):
		text = " ".join(timeline(site))
	assert "Quantity" in text and "Price" not in text and "4.5" not in text


def test_clients_see_no_entries(site, sandbox, people, as_user):
	sandbox.change("subscriptions", KEEPER, quantity=16)
	sync()
	with as_user(people.requester):
		with pytest.raises(site.PermissionError):
			site.get_list("Pax8 Subscription Change")
		with pytest.raises(site.PermissionError):
			site.get_doc("Pax8 Subscription Change", entries(site)[0].name).check_permission("read")


# --------------------------------------------------------------------------------------------- reading a history


def snapshot(quantity, hours, status="Active"):
	from msp_licensing.pax8 import Subscription

	moment = datetime(2026, 3, 1, tzinfo=timezone.utc) + timedelta(hours=hours)
	return Subscription(id=KEEPER, quantity=quantity, status=status, updated_date=moment)


@pytest.mark.parametrize(
	("history", "steps"),
	[
		([(11, 2), (10, 1)], ["10 → 11"]),
		([(11, 3), (14, 2), (10, 1)], ["10 → 14", "14 → 11"]),
		([(10, 1), (14, 2), (11, 3)], ["10 → 14", "14 → 11"]),  # whatever the order
		(
			[(11, 5), (10, 4), (11, 3), (10, 2)],
			["10 → 11"],
		),  # an earlier change of the same kind is not this one
		([(11, 3), (11, 2), (10, 1)], ["10 → 11"]),
		([(11, 2)], ["10 → 11"]),  # the old quantity is not in it any more
		([(12, 2), (10, 1)], []),  # changed again meanwhile: it does not tell of this change
		([], []),
		([(10, 1)], []),
	],
)
def test_what_a_history_says_of_a_change_from_ten_to_eleven(site, history, steps):
	from msp_licensing.sync.recorded import told as read

	values = read([snapshot(*step) for step in history], "10", "11")
	assert [line.split(": ")[1].split(" (")[0] for line in values.get("history", "").splitlines()] == steps
	assert bool(values.get("changed_on")) == bool(steps)


def test_entries_are_plain_values_for_reports(site, sandbox):
	sandbox.change("subscriptions", KEEPER, quantity=16)
	sync()
	(row,) = entries(site, field="Quantity")
	assert json.loads(row.new_value) == 16
