"""What-if: settings are tried before they are saved, by the functions that decide real requests."""

import json

import pytest

from msp_licensing.sandbox import storybook

KEEPER = storybook.CEDAR_KEEPER
DT = "License Change Request"


@pytest.fixture
def ask(site, sandbox, people):
	from msp_licensing import permissions
	from msp_licensing.changes import requests

	def submit(wanted):
		access = permissions.portal_access(people.requester)
		name = requests.submit(KEEPER, wanted, access=access).name
		site.db.commit()
		return name

	return submit


@pytest.fixture
def replay(site, people, as_user):
	"""replay(threshold=…): the answer of the desk to a form with other values."""
	from msp_licensing.desk import whatif

	def run(days=30, **values):
		form = {**site.get_doc("Licensing Settings").as_dict(), **values}
		with as_user(people.manager):
			return whatif.replay_requests(days=days, settings=json.dumps(form, default=str))

	return run


def counts(answer):
	return {(row["then"], row["now"]): row["count"] for row in answer["counts"]}


def fate(site, name, state, **values):
	"""What became of a request, without Pax8."""
	site.db.set_value(DT, name, {"workflow_state": state, "open_subscription": None, **values})
	site.db.commit()


def test_the_saved_settings_decide_everything_as_it_was_decided(site, ask, replay):
	fate(site, ask("15"), "Applied")
	fate(site, ask("40"), "Rejected")
	answer = replay()
	assert counts(answer) == {("Released", "Released"): 1, ("Held", "Held"): 1}
	assert answer["differing"] == 0 and answer["rows"] == [] and answer["left_out"] == 0


def test_settings_in_the_form_are_tried_and_not_saved(site, ask, replay):
	fate(site, ask("15"), "Applied")
	fate(site, ask("40"), "Applied")
	held = ask("100")
	answer = replay(auto_approve_threshold=20, default_max_quantity=90)
	assert counts(answer) == {
		("Released", "Held"): 1,
		("Held", "Held"): 1,
		("Held", "Refused"): 1,
	}
	newest = answer["rows"][0]
	assert (newest["name"], newest["then"], newest["now"]) == (held, "Held", "Refused")
	assert "maximum of 90" in newest["why"]
	assert site.db.get_single_value("Licensing Settings", "auto_approve_threshold") == 50
	assert site.get_cached_doc("Licensing Settings").default_max_quantity == 200, "nor in a cache"


def test_a_client_keeps_its_own_policy(site, ask, replay):
	from msp_licensing.setup import demo

	site.get_doc(
		{
			"doctype": "Licensing Client Policy",
			"client_doctype": demo.site_client_doctype(),
			"client": demo.CEDAR,
			"threshold_mode": "Own",
			"threshold": 10,
		}
	).insert()
	ask("15")
	assert counts(replay(auto_approve_threshold=500)) == {("Held", "Held"): 1}


def test_a_clients_policy_is_tried_before_it_is_saved(site, ask, people, as_user):
	from msp_licensing.desk import whatif
	from msp_licensing.setup import demo

	ask("15")
	form = {
		"client_doctype": demo.site_client_doctype(),
		"client": demo.CEDAR,
		"threshold_mode": "Own",
		"threshold": 10,
	}
	with as_user(people.manager):
		assert counts(whatif.replay_requests(client_policy=form)) == {("Released", "Held"): 1}
		assert whatif.simulate(KEEPER, "14", client_policy=form)["outcome"] == "Held"
		assert counts(whatif.replay_requests(client_policy={**form, "disabled": 1})) == {
			("Released", "Released"): 1
		}
		other = {**form, "client": demo.MUELLER}
		assert whatif.replay_requests(client_policy=other)["total"] == 0, (
			"another client's requests are not its own"
		)
	assert not site.db.count("Licensing Client Policy")


def test_a_window_counts_what_was_asked_for_before_the_time_that_is_told_of(site, sandbox, ask, replay):
	first = ask("15")
	fate(site, first, "Applied")
	from msp_licensing import clock

	earlier = clock.before(days=4)
	facts = json.loads(site.db.get_value(DT, first, "decision_facts"))
	facts["today"] = earlier.date().isoformat()
	values = {"requested_on_utc": earlier, "decided_on_utc": earlier, "decision_facts": json.dumps(facts)}
	site.db.set_value(DT, first, values)
	sandbox.change("subscriptions", KEEPER, quantity=15)
	site.db.set_value("Pax8 Subscription", KEEPER, "quantity", 15)
	ask("22")
	assert counts(replay(days=1)) == {("Released", "Released"): 1}
	answer = replay(days=1, window_days=7)
	assert counts(answer) == {("Released", "Held"): 1}, "10 → 22 is more than half as many again"


def test_requests_of_older_versions_are_counted_and_left_out(site, ask, replay):
	site.db.set_value(DT, ask("15"), "decision_facts", None)
	answer = replay()
	assert (answer["total"], answer["left_out"]) == (0, 1)


def test_nonsense_is_refused_as_it_would_be_when_saved(site, ask, replay):
	with pytest.raises(site.ValidationError, match="threshold"):
		replay(auto_approve_threshold=-5)
	with pytest.raises(site.ValidationError, match="days"):
		replay(days=0)


@pytest.mark.parametrize(
	("wanted", "values", "outcome"),
	[
		("15", {}, "Released"),
		("16", {}, "Held"),
		("15", {"auto_approve_threshold": 40}, "Held"),
		("0", {}, "Refused"),
	],
)
def test_a_single_change_is_decided_as_a_real_one(site, sandbox, people, as_user, wanted, values, outcome):
	from msp_licensing.desk import whatif

	form = {**site.get_doc("Licensing Settings").as_dict(), **values}
	with as_user(people.manager):
		answer = whatif.simulate(KEEPER, wanted, settings=json.dumps(form, default=str))
	assert answer["outcome"] == outcome
	assert sum(step["decided"] for step in answer["steps"]) == 1
	assert "threshold" not in answer["for_client"]
	assert not site.db.count(DT) and not sandbox.calls("updateSubscription")


def test_an_open_request_is_told_of_and_hides_nothing(site, ask, people, as_user):
	from msp_licensing.desk import whatif

	name = ask("40")
	with as_user(people.manager):
		answer = whatif.simulate(KEEPER, "15")
	assert answer["outcome"] == "Released" and any(name in note for note in answer["notes"])
