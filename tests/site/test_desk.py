"""The staff screens' API: what it shows is what is decided, and what it changes is what was asked for."""

import json
import time

import pytest
from notice_helpers import mails

from msp_licensing.sandbox import storybook

KEEPER = storybook.CEDAR_KEEPER
CEDAR = "Cedar & Pine Architects"
MUELLER = "Müller & Söhne GmbH"
REQUEST = "License Change Request"


@pytest.fixture
def manager(site, people):
	site.set_user(people.manager)
	return people.manager


# ------------------------------------------------------------------------------------ connection


def test_the_connection_test_says_how_many_companies_it_sees(site, sandbox, manager):
	from msp_licensing.desk import connection

	answer = connection.test()
	assert answer["ok"] and "6" in answer["message"]


def test_a_wrong_secret_is_reported_in_words_and_never_shown(site, sandbox):
	from msp_licensing.desk import connection

	answer = connection.test(client_id="sandbox", client_secret="wrong-secret-4711")
	assert not answer["ok"] and answer["message"]
	assert "4711" not in answer["message"]
	assert site.get_doc("Pax8 Settings").get_password("client_secret") == "sandbox", "nothing was saved"


def test_the_saved_secret_goes_to_no_other_address(site, sandbox):
	from msp_licensing.desk import connection

	with pytest.raises(site.ValidationError, match="type the client secret again"):
		connection.test(base_url="http://127.0.0.1:9/v1", client_secret="*******")
	answer = connection.test(base_url="http://127.0.0.1:9/v1", client_secret="typed")
	assert not answer["ok"]


@pytest.fixture
def settings_back(site, sandbox):
	yield
	site.db.rollback()
	doc = site.get_doc("Pax8 Settings")
	doc.update({"mode": "Live", "base_url": sandbox.url, "client_secret": "sandbox"}).save()
	site.db.commit()


ELSEWHERE = "http://127.0.0.1:9/v1"


@pytest.mark.parametrize(
	"address",
	[ELSEWHERE, "http://localhost{port}/v1", "http://127.0.0.1{port}/v2", "https://api.pax8.com/v1"],
)
@pytest.mark.parametrize("mode", ["Off", "Live"])
def test_another_address_asks_for_the_secret_again(site, sandbox, settings_back, address, mode):
	address = address.format(port=sandbox.url.split("127.0.0.1")[1].removesuffix("/v1"))
	for secret in (None, "*******"):
		doc = site.get_doc("Pax8 Settings").update({"mode": mode, "base_url": address})
		if secret:
			doc.client_secret = secret
		with pytest.raises(site.ValidationError, match="enter the client secret again"):
			doc.save()
	doc = site.get_doc("Pax8 Settings")
	doc.update({"mode": mode, "base_url": address, "client_secret": "typed"}).save()
	assert site.get_doc("Pax8 Settings").get_password("client_secret") == "typed"
	doc = site.get_doc("Pax8 Settings")
	doc.calls_per_minute = 900
	doc.save()


def test_every_way_of_saving_asks_for_it(site, people, sandbox, settings_back, as_user):
	import frappe.client

	with as_user(people.system_manager):
		for way in (
			lambda: frappe.client.set_value("Pax8 Settings", "Pax8 Settings", "base_url", ELSEWHERE),
			lambda: frappe.client.set_value(
				"Pax8 Settings", "Pax8 Settings", {"base_url": ELSEWHERE, "secret_address": "x"}
			),
			lambda: frappe.client.save({**site.get_doc("Pax8 Settings").as_dict(), "base_url": ELSEWHERE}),
		):
			with pytest.raises(site.ValidationError, match="enter the client secret again"):
				way()


@pytest.mark.parametrize("proof", [None, "x" * 64])
def test_an_address_changed_past_the_form_gets_no_secret(site, sandbox, settings_back, proof):
	"""As a server script or somebody at the database does."""
	from msp_licensing.desk import connection as screen
	from msp_licensing.sync import connection

	asked = len(sandbox.calls())
	site.db.set_single_value("Pax8 Settings", "base_url", sandbox.url + "/../v1")
	if proof:
		site.db.set_single_value("Pax8 Settings", "secret_address", proof)
	site.clear_document_cache("Pax8 Settings", "Pax8 Settings")
	assert "enters the secret again" in connection.problem() and not connection.is_active()
	with pytest.raises(site.ValidationError):
		connection.client()
	assert not screen.test()["ok"] and len(sandbox.calls()) == asked
	doc = site.get_doc("Pax8 Settings")
	with pytest.raises(site.ValidationError, match="enter the client secret again"):
		doc.save()


def test_a_token_of_the_old_address_is_not_used_at_the_new_one(site, sandbox):
	from pydantic import SecretStr

	from msp_licensing.pax8 import Token
	from msp_licensing.sync.connection import RedisTokenStore

	old, new = RedisTokenStore("x", "https://a.example/v1"), RedisTokenStore("x", "https://a.example/v2")
	old.set(Token(SecretStr("secret"), time.time() + 60, 60.0))
	assert old.get() and not new.get()
	old.clear(old.get())


def test_the_patch_lets_a_connected_site_go_on(site, sandbox, settings_back):
	from msp_licensing.patches import bind_secret_to_address
	from msp_licensing.sync import connection

	site.db.set_single_value("Pax8 Settings", "secret_address", None)
	site.clear_document_cache("Pax8 Settings", "Pax8 Settings")
	assert connection.problem()
	for _twice in range(2):
		bind_secret_to_address.execute()
		site.clear_document_cache("Pax8 Settings", "Pax8 Settings")
		assert connection.problem() is None


def test_what_a_licensing_manager_types_does_not_count(site, sandbox, manager):
	from msp_licensing.desk import connection

	assert connection.test(base_url="http://127.0.0.1:9/v1", client_secret="typed")["ok"]


def test_each_kind_of_data_shows_its_last_complete_run_and_the_next(site, sandbox, manager):
	from msp_licensing.desk import sync
	from msp_licensing.sync import jobs

	assert jobs.run("Usage", trigger="Manual")
	status = sync.status()
	assert [row["kind"] for row in status["kinds"]] == ["Companies", "Subscriptions", "Products", "Usage"]
	assert status["may_sync"] and status["problem"] is None
	for row in status["kinds"]:
		assert row["complete"]["rows_read"] and row["complete"]["age"] and not row["has_trouble"]
	hours = [row["next"].hour for row in status["kinds"]]
	assert hours[0] % 4 == 0 and hours[2] == 3
	assert all(row["next"].minute == 0 for row in status["kinds"])


def test_a_failed_run_does_not_hide_the_last_complete_one(site, sandbox, manager):
	from msp_licensing.desk import sync
	from msp_licensing.sync import jobs

	sandbox.faults.add("status", "findCompanies", status=403, count=1)
	jobs.run("Companies", trigger="Manual")
	site.set_user(manager)
	row = sync.status()["kinds"][0]
	assert row["newest"]["status"] in ("Failed", "Incomplete") and row["newest"]["problem"]
	assert row["complete"]["status"] == "Completed"


def test_sync_now_queues_one_run(site, sandbox, manager):
	from frappe.utils.background_jobs import get_queue

	from msp_licensing.desk import sync

	sync.sync_now("Companies")
	site.db.commit()
	queued = [job.kwargs["kwargs"] for job in get_queue("long").jobs]
	assert [(job["kind"], job["trigger"], job["watcher"]) for job in queued] == [
		("Companies", "Manual", manager)
	]


def test_nothing_is_queued_without_a_connection_or_for_another_kind(site, sandbox, manager):
	from msp_licensing.desk import sync

	with pytest.raises(site.ValidationError):
		sync.sync_now("Everything")
	site.db.set_single_value("Pax8 Settings", "mode", "Off")
	site.clear_document_cache("Pax8 Settings", "Pax8 Settings")
	with pytest.raises(site.ValidationError, match="Off"):
		sync.sync_now("Companies")


# ------------------------------------------------------------------------------------ settings


def test_the_banner_leads_from_connecting_to_syncing_to_mapping(site, empty_sandbox):
	from msp_licensing.desk import settings
	from msp_licensing.sync import jobs

	assert settings.banner()["action"] == "Sync Companies"
	jobs.run("Companies", trigger="Manual")
	banner = settings.banner()
	assert banner["route"][1] == "Pax8 Company" and banner["filters"] == {
		"client": ["is", "not set"],
		"is_own": 0,
	}
	site.db.set_single_value("Pax8 Settings", "mode", "Off")
	site.clear_document_cache("Pax8 Settings", "Pax8 Settings")
	assert settings.banner()["route"] == ["Form", "Pax8 Settings"]


def test_no_banner_once_a_company_is_mapped(site, sandbox):
	from msp_licensing.desk import settings

	assert settings.banner() is None


@pytest.mark.parametrize(
	("require", "use", "threshold", "said", "not_said"),
	[
		(False, True, 50, ["10 → 15 is applied", "10 → 16 waits", "10 → 5 is applied", "10 → 4 waits"], []),
		(False, True, 25, ["10 → 12 is applied", "10 → 13 waits", "10 → 8 is applied", "10 → 7 waits"], []),
		(False, True, 0, ["Every change waits"], ["applied at once"]),
		(False, True, 5, ["every change waits"], ["applied at once"]),
		(False, True, 900, ["10 → 100 is applied", "Every reduction is applied"], []),
		(False, False, 50, ["however large"], ["10 → 15"]),
		(True, False, 50, ["Every change a client asks for waits"], ["applied at once"]),
		(True, True, 50, ["Every change a client asks for waits", "Not by default", "10 → 16 waits"], []),
		(False, True, -1, ["cannot be negative"], ["applied"]),
	],
)
def test_the_explanation_says_what_will_be_decided(site, require, use, threshold, said, not_said):
	from msp_licensing.desk import settings

	text = " ".join(
		settings.explain(
			{
				"require_approval_by_default": int(require),
				"use_auto_approve_threshold": int(use),
				"auto_approve_threshold": threshold,
			}
		)
	)
	assert all(words in text for words in said), text
	assert not any(words in text for words in not_said), text


def test_vendors_are_those_of_products_and_of_subscriptions_however_spelled(site, sandbox):
	from msp_licensing.desk import settings

	site.db.set_value("Pax8 Subscription", KEEPER, "vendor", "keeper  SECURITY")
	names = [row["vendor"].casefold() for row in settings.vendors()]
	assert "microsoft" in names
	assert len([name for name in names if "keeper" in name]) == 1
	counts = [row["subscriptions"] for row in settings.vendors()]
	assert counts[0] and counts == sorted(counts, key=bool, reverse=True), "owned ones come first"


@pytest.mark.parametrize(
	("values", "words"),
	[
		({"default_min_quantity": 20, "default_max_quantity": 10}, "minimum is above the maximum"),
		({"use_auto_approve_threshold": 1, "auto_approve_threshold": -5}, "negative"),
		({"client_doctype": "User"}, "one of"),
	],
)
def test_settings_that_make_no_sense_are_refused(site, values, words):
	doc = site.get_doc("Licensing Settings")
	doc.update(values)
	with pytest.raises(site.ValidationError, match=words):
		doc.save()


# ------------------------------------------------------------------------------------ catalogue


def flags(site, field):
	return dict(site.get_all("Pax8 Product", fields=["name", field], as_list=True))


def test_a_bulk_action_touches_the_ticked_rows_only(site, sandbox, manager):
	from msp_licensing.desk import catalog

	ticked = [storybook.KEEPER_BUSINESS, storybook.ESET_PROTECT_ENTRY]
	others = {
		row.name: row.modified
		for row in site.get_all("Pax8 Product", {"name": ("not in", ticked)}, ["name", "modified"])
	}
	assert catalog.act(json.dumps(ticked), "Show")["changed"] == 2
	assert {name for name, visible in flags(site, "visible").items() if visible} == set(ticked)
	assert catalog.act(ticked, "Show")["changed"] == 0, "nothing is left to do"
	assert catalog.act(ticked[:1], "Hide")["changed"] == 1
	assert {name for name, visible in flags(site, "visible").items() if visible} == {ticked[1]}
	after = {
		row.name: row.modified
		for row in site.get_all("Pax8 Product", {"name": ("not in", ticked)}, ["name", "modified"])
	}
	assert others == after


def test_a_bulk_action_leaves_a_version_of_each_change(site, sandbox, manager):
	from msp_licensing.desk import catalog

	catalog.act([storybook.KEEPER_BUSINESS], "Feature")
	version = site.get_last_doc("Version", {"docname": storybook.KEEPER_BUSINESS})
	assert json.loads(version.data)["changed"] == [["featured", 0, 1]]
	assert version.owner == manager


def test_featuring_a_hidden_product_is_told(site, sandbox, manager):
	from msp_licensing.desk import catalog

	catalog.act([storybook.ESET_PROTECT_ENTRY], "Show")
	answer = catalog.act([storybook.KEEPER_BUSINESS, storybook.ESET_PROTECT_ENTRY], "Feature")
	assert answer == {"changed": 2, "hidden": [storybook.KEEPER_BUSINESS]}


@pytest.mark.parametrize("names", ["", "1", '{"a": 1}', "[1]", "not json"])
def test_anything_but_a_list_of_names_is_refused(site, sandbox, manager, names):
	from msp_licensing.desk import catalog

	before = flags(site, "visible")
	with pytest.raises(site.ValidationError):
		catalog.act(names, "Show")
	with pytest.raises(site.ValidationError):
		catalog.act([storybook.KEEPER_BUSINESS], "Delete")
	assert flags(site, "visible") == before


def test_show_owned_shows_what_clients_own_and_nothing_else(site, sandbox, manager):
	from msp_licensing.desk import catalog

	promised = catalog.facets()["owned_hidden"]
	assert promised and catalog.show_owned() == promised
	shown = {name for name, visible in flags(site, "visible").items() if visible}
	owned = set(site.get_all("Pax8 Subscription", {"status": ("!=", "Cancelled")}, pluck="product"))
	assert shown <= owned and storybook.KEEPER_BUSINESS in shown
	assert catalog.facets()["owned_hidden"] == 0 == catalog.show_owned()


def test_the_table_is_searched_filtered_and_paged_on_the_server(site, sandbox, manager):
	from msp_licensing.desk import catalog

	everything = catalog.products(page_length=200)
	assert (
		everything["total"] == len(everything["rows"]) == site.db.count("Pax8 Product", {"discontinued": 0})
	)
	pages = [
		row.name for start in (0, 10, 20) for row in catalog.products(start=start, page_length=10)["rows"]
	]
	assert pages == [row.name for row in everything["rows"][: len(pages)]]
	found = catalog.products(search="keeper")
	assert storybook.KEEPER_BUSINESS in [row.name for row in found["rows"]]
	assert catalog.products(search="%" * 200)["total"] == 0
	site.db.set_value("Pax8 Product", storybook.KEEPER_BUSINESS, "product_name", r"50% off_now \ here")
	for search in ("50%", "off_now", r"now \ h", r"50% off_now \ here"):
		found = catalog.products(search=search)["rows"]
		assert [row.name for row in found] == [storybook.KEEPER_BUSINESS], search
	assert {row.vendor for row in catalog.products(vendor="Microsoft")["rows"]} == {"Microsoft"}
	catalog.act([storybook.KEEPER_BUSINESS], "Show")
	assert [row.name for row in catalog.products(visibility="Visible")["rows"]] == [storybook.KEEPER_BUSINESS]
	assert catalog.matching(visibility="Visible") == [storybook.KEEPER_BUSINESS]
	assert all(row.owned for row in catalog.products(owned=True)["rows"])


def test_a_price_that_pax8_does_not_give_is_not_zero(site, sandbox, manager):
	from msp_licensing.desk import catalog

	rows = {row.name: row for row in catalog.products(page_length=200)["rows"]}
	assert rows[storybook.PRODUCT_WITHOUT_PRICES].retail_price_from is None
	assert rows[storybook.KEEPER_BUSINESS].retail_price_from > 0


# ------------------------------------------------------------------------------------ rules


def rule(site, **values):
	from msp_licensing.desk import rules

	if values:
		doc = site.get_doc("Pax8 Subscription", KEEPER)
		doc.update(values)
		doc.save()
	return rules.describe(KEEPER)["rule"]


def test_the_effective_rule_follows_the_defaults_and_says_so(site, sandbox, manager):
	words = rule(site)
	assert words["changes"] == {"allowed": True, "text": "Allowed", "inherited": True}
	assert words["approval"] == {"text": "Above 50 %", "inherited": True}
	assert (words["limits"]["text"], words["limits"]["inherited"]) == ("1 – 200", True)


def test_a_rule_of_its_own_wins_and_is_marked(site, sandbox, manager):
	words = rule(
		site, self_service="Deny", approval="Always", override_limits=1, min_quantity=3, max_quantity=0
	)
	assert words["changes"] == {"allowed": False, "text": "Not allowed", "inherited": False}
	assert words["approval"] == {"text": "Always", "inherited": False}
	assert (words["limits"]["text"], words["limits"]["inherited"]) == ("3 or more", False)


def test_a_vendor_that_always_waits_comes_before_the_subscriptions_rule(site, sandbox, manager):
	settings = site.get_doc("Licensing Settings")
	settings.append("vendor_overrides", {"vendor": " keeper SECURITY "})
	settings.save(ignore_permissions=True)
	assert "Keeper Security" in rule(site, approval="Not by default")["approval"]["text"]


def test_the_table_says_what_cannot_be_changed_and_filters(site, sandbox, manager):
	from msp_licensing.desk import rules

	everything = rules.subscriptions(page_length=200)
	by_name = {row.name: row for row in everything["rows"]}
	assert everything["total"] == len(by_name)
	assert by_name[KEEPER].blocked is None
	assert "usage" in by_name[storybook.CEDAR_AZURE].blocked
	assert {row.client for row in rules.subscriptions(client=MUELLER)["rows"]} == {MUELLER}
	assert KEEPER in [row.name for row in rules.subscriptions(search="keeper")["rows"]]
	assert rules.subscriptions(own_rule=True)["total"] == 0
	rule(site, approval="Always")
	assert [row.name for row in rules.subscriptions(own_rule=True)["rows"]] == [KEEPER]
	assert [row["label"] for row in rules.clients()] == [CEDAR, MUELLER]


def test_a_rule_that_accepts_nothing_cannot_be_saved(site, sandbox, manager):
	with pytest.raises(site.ValidationError, match="minimum is above"):
		rule(site, override_limits=1, min_quantity=9, max_quantity=5)


def test_an_open_request_is_shown_on_its_subscription(site, sandbox, people):
	from msp_licensing import permissions
	from msp_licensing.changes import requests
	from msp_licensing.desk import rules

	doc = requests.submit(KEEPER, 40, access=permissions.portal_access(people.requester))
	shown = rules.describe(KEEPER)["request"]
	assert (shown.name, shown.current_quantity, shown.target) == (doc.name, 10, 40)
	site.db.set_value(doc.doctype, doc.name, "approved_quantity", 20)
	assert rules.describe(KEEPER)["request"].target == 20, "what staff approved instead"


# ------------------------------------------------------------------------------------ subscription


def test_refresh_reads_one_subscription_and_stores_it(site, sandbox, manager):
	from msp_licensing.desk import subscriptions

	sandbox.change("subscriptions", KEEPER, quantity=17)
	assert "17" in subscriptions.refresh(KEEPER)
	assert site.db.get_value("Pax8 Subscription", KEEPER, "quantity") == 17
	assert "same" in subscriptions.refresh(KEEPER)


# ------------------------------------------------------------------------------------ mapping


def test_a_company_becomes_a_new_client_in_one_step(site, sandbox, manager):
	from msp_licensing.desk import mapping
	from msp_licensing.setup import demo

	company = storybook.BLUE_HARBOR_DENTAL
	choices = mapping.choices(company)
	assert choices["doctype"] == demo.site_client_doctype() and choices["may_create"]
	assert mapping.create_client(company, " Blue Harbor ") == "Blue Harbor"
	assert site.db.get_value("Pax8 Company", company, ["client_doctype", "client"]) == (
		demo.site_client_doctype(),
		"Blue Harbor",
	)
	with pytest.raises(site.ValidationError, match="already"):
		mapping.create_client(company, "Another")


def test_a_client_of_that_name_is_not_made_twice(site, sandbox, manager):
	from msp_licensing.desk import mapping

	with pytest.raises(site.DuplicateEntryError):
		mapping.create_client(storybook.BLUE_HARBOR_DENTAL, CEDAR)
	site.db.rollback()
	assert not site.db.get_value("Pax8 Company", storybook.BLUE_HARBOR_DENTAL, "client")


# ------------------------------------------------------------------------------------ requests


@pytest.fixture
def pending(site, sandbox, people):
	from msp_licensing import permissions
	from msp_licensing.changes import requests

	doc = requests.submit(KEEPER, 40, access=permissions.portal_access(people.requester))
	site.db.commit()
	site.set_user(people.manager)
	return doc.name


def test_every_check_of_a_decision_has_words(site, pending):
	from msp_licensing.desk import requests
	from msp_licensing.rules import client_approval, policy, words

	steps = requests.trace(pending)["steps"]
	assert len(steps) > 10
	decided = [step for step in steps if step["decided"]]
	assert [(step["check"], step["verdict"]) for step in decided] == [("Within the threshold", "Holds")]
	assert "50 %" in decided[0]["detail"]
	assert not [step for step in steps if "{" in step["detail"]]
	released = {"within_threshold", "free_seats", "no_approval_needed"}
	by_the_client = {client_approval.ASKED, client_approval.LEFT_OUT, client_approval.GIVEN}
	assert set(words._STAFF) - released == set(requests.CHECKS) - by_the_client, (
		"a rule without words, or words without a rule"
	)
	assert set(requests.VERDICTS) == {str(verdict) for verdict in policy.Verdict}


def test_the_reason_is_kept_and_reaches_the_client_on_reject(site, pending, people):
	from frappe.model.workflow import apply_workflow

	from msp_licensing.desk import requests

	requests.set_reject_reason(pending, "  Please ask again in March. ")
	doc = apply_workflow(site.get_doc(REQUEST, pending).as_dict(), "Reject")
	assert (doc.workflow_state, doc.reject_reason) == ("Rejected", "Please ask again in March.")
	assert "Please ask again in March." in mails(site, people.requester)[-1]
	notice = site.get_last_doc("Notification Log", {"for_user": people.requester})
	assert notice.subject == "Your license change was not approved." and not notice.email_content
	assert notice.link.endswith("/licensing")


def test_no_reason_can_be_given_or_changed_after_the_decision(site, pending):
	from frappe.model.workflow import apply_workflow

	from msp_licensing.desk import requests

	apply_workflow(site.get_doc(REQUEST, pending).as_dict(), "Approve")
	with pytest.raises(site.ValidationError, match="decided already"):
		requests.set_reject_reason(pending, "Too late")
	assert not site.db.get_value(REQUEST, pending, "reject_reason")


def test_staff_are_told_why_they_cannot_approve_their_own(site, sandbox, manager):
	from msp_licensing.desk import requests

	doc = site.get_doc({"doctype": REQUEST, "subscription": KEEPER, "requested_quantity": 12}).insert()
	assert any("another Licensing Manager" in notice for notice in requests.trace(doc.name)["notices"])


def test_the_preview_of_a_request_by_staff(site, sandbox, manager):
	from msp_licensing.desk import requests

	assert requests.preview(KEEPER)["facts"]["quantity"] == 10
	fine = requests.preview(KEEPER, "12")
	assert fine["refused"] is None and fine["needs_reason"] is None
	assert "maximum of 200" in requests.preview(KEEPER, "500")["needs_reason"]
	assert "already" in requests.preview(KEEPER, "10")["refused"]
	assert "usage" in requests.preview(storybook.CEDAR_AZURE, "5")["refused"]


def test_a_request_that_needs_review_is_settled_by_one_look(site, sandbox, pending, monkeypatch):
	from msp_licensing.changes import states
	from msp_licensing.desk import requests

	states.move(pending, "Needs Review", expect=("Pending Approval",))
	site.db.commit()  # whoever looks sees what is committed
	sandbox.change("subscriptions", KEEPER, quantity=40)
	assert requests.check_again(pending) == "Applied"
	assert not sandbox.calls("updateSubscription"), "it only looks"


# ------------------------------------------------------------------------------------ workspace


def test_the_workspace_counts_what_it_links_to(site, sandbox, manager):
	from msp_licensing.desk import overview

	answer = overview.commitments_ending()
	listed = site.get_list("Pax8 Subscription", filters=answer["route_options"], pluck="name")
	assert answer["value"] == len(listed) > 0
	assert (
		"now" in overview.last_sync() or "second" in overview.last_sync() or "minute" in overview.last_sync()
	)


def test_a_shortcut_counts_what_the_card_of_that_name_counts(site):
	workspace = site.get_doc("Workspace", "MSP Licensing")
	cards = {row.label: site.get_doc("Number Card", row.number_card_name) for row in workspace.number_cards}
	compared = set()
	for row in workspace.shortcuts:
		card = cards.get(row.label) or cards.get(f"Active {row.label}")
		if card:
			filters = {
				field: [how, value] for _doctype, field, how, value, _on in json.loads(card.filters_json)
			}
			assert (row.link_to, json.loads(row.stats_filter)) == (card.document_type, filters), row.label
			compared.add(row.label)
	assert compared == {"Pending Requests", "Needs Attention", "Unmapped Companies", "Subscriptions"}


def test_the_desk_furniture_is_on_the_site(site):
	workspace = site.get_doc("Workspace", "MSP Licensing")
	assert {row.role for row in workspace.roles} == {"Licensing Manager", "System Manager"}
	for row in workspace.number_cards:
		card = site.get_doc("Number Card", row.number_card_name)
		if card.type == "Custom":
			site.get_attr(card.method)
		else:
			site.get_list(card.document_type, filters=json.loads(card.filters_json), limit=1)
	for block in json.loads(workspace.content):
		name = block["data"].get("number_card_name")
		assert not name or name in {row.label for row in workspace.number_cards}
	onboarding = site.get_doc("Module Onboarding", "MSP Licensing")
	assert len(onboarding.get_steps()) == 5
	assert site.db.exists("Dashboard Chart", workspace.charts[0].chart_name)


def test_a_secret_that_the_sites_key_does_not_open_is_told_as_such_and_nothing_else_pops_up(
	site, sandbox, people, as_user, settings_back
):
	"""As after a restore without the old site_config.json: on every version, on each screen that looks at it."""
	from cryptography.fernet import Fernet

	from msp_licensing.desk import connection, settings

	foreign = Fernet(Fernet.generate_key()).encrypt(b"sandbox").decode()
	site.db.sql("update __Auth set password = %s where doctype = 'Pax8 Settings'", foreign)
	site.db.commit()
	site.local.message_log = []
	with as_user(people.manager):
		answer = connection.test()
		assert not answer["ok"] and "encryption key" in answer["message"]
		assert "encryption key" in str(settings.banner())
	doc = site.get_doc("Pax8 Settings")
	doc.calls_per_minute = 500
	assert not site.local.message_log
	with pytest.raises(site.ValidationError, match="encryption key"):
		doc.save()
	assert len(site.local.message_log) == 1, "one message, and it is ours"
	doc.reload()
	doc.client_secret = "sandbox"
	doc.save()
	with as_user(people.manager):
		assert connection.test()["ok"]
