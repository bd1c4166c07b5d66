"""The words of notices, what fails without stopping anything, and the digest."""

import notice_helpers
import pytest
from notice_helpers import DT, NOTICE, about, assigned, bells, mails


@pytest.fixture(autouse=True)
def template_of_others(site):
	"""Email Templates as they were, whatever a test writes."""
	before = {row.name: row for row in site.get_all("Email Template", fields=["*"])}
	yield
	site.db.rollback()
	for name in site.get_all("Email Template", pluck="name"):
		if name not in before:
			site.db.delete("Email Template", {"name": name})
	for name, row in before.items():
		site.db.set_value(
			"Email Template", name, {"subject": row.subject, "response_html": row.response_html}
		)
	site.db.commit()


@pytest.fixture
def ask(site, sandbox, people):
	"""ask(wanted): the requester asks; the request, committed."""
	return lambda wanted="40": notice_helpers.ask(site, people.requester, wanted)


@pytest.fixture
def choose(site):
	return lambda **values: notice_helpers.choose(site, **values)


# ------------------------------------------------------------------------------------ words


def test_an_msp_rewords_and_translates_and_everybody_reads_their_own_language(
	site, people, ask, make_portal_user
):
	name = "License Change to Staff: Pending"
	colleague = make_portal_user("greta@msp.example", None, "Licensing Manager")
	site.db.set_value("User", colleague, "language", "de")
	site.db.set_value("Email Template", name, "subject", "Please look: {{ product }}")
	german = site.copy_doc(site.get_doc("Email Template", name))
	german.update(
		{"subject": "Bitte ansehen: {{ product }}", "response_html": "<p>{{ state }} {{ link }}</p>"}
	)
	german.insert(set_name=f"{name} (de)")
	lang = site.local.lang
	ask()
	assert mails(site, people.manager)[0].startswith("Please look: Keeper Business\n")
	assert mails(site, colleague)[0].startswith("Bitte ansehen: Keeper Business\n")
	assert mails(site, colleague)[-1].startswith("Bitte ansehen: Keeper Business")
	assert bells(site, colleague) == ["A license change request waits for a decision."], (
		"no text of a template is in the bell"
	)
	assert site.local.lang == lang


def test_a_slip_in_a_template_keeps_nobody_from_being_told(site, people, ask):
	name = "License Change to Staff: Pending"
	site.db.set_value("Email Template", name, "response_html", "{{ product.nothing.of.this }}")
	doc = ask()
	[mail] = mails(site, people.manager)
	assert "Why it waits for you" in mail and doc.workflow_state == "Pending Approval"
	assert site.db.count("Error Log", {"method": ("like", f"%{name}%")}) == 1
	assert not site.local.message_log


def test_what_people_typed_is_text_in_mails_and_bells(site, people, ask):
	doc = ask()
	site.db.delete("Email Queue Recipient")
	site.db.delete("Notification Log")
	doc.product_name, doc.note = "<b>Keeper</b>", "<script>alert(1)</script>"
	about("pending", doc, key="typed")
	[mail], [bell] = mails(site, people.manager), bells(site, people.manager)
	assert "<script>" not in mail and "&lt;script&gt;" in mail
	assert "Keeper" not in bell


# ------------------------------------------------------------------------------------ faults


def test_without_an_outgoing_account_the_bell_and_the_assignment_remain(site, people, ask, monkeypatch):
	from msp_licensing.changes import delivery

	monkeypatch.setattr(delivery, "can_send", lambda: False)
	doc = ask()
	assert bells(site) == [people.manager] == assigned(site, doc.name) and not mails(site)
	assert site.get_all(NOTICE, pluck="mail") == ["None"] and not site.db.count("Error Log")


def test_a_mail_account_that_fails_takes_nothing_from_the_bell(site, people, ask, monkeypatch):
	monkeypatch.setattr("frappe.sendmail", lambda **options: site.throw("No default account"))
	doc = ask()
	assert bells(site) == [people.manager] == assigned(site, doc.name)
	assert site.get_all(NOTICE, pluck="mail") == ["None"]
	assert site.db.count("Error Log", {"reference_name": doc.name}) == 1
	assert not site.local.message_log, "the client is not shown what is wrong with the provider's mail"


def test_a_deadlock_is_not_taken_for_a_notice_that_failed(site, ask, monkeypatch):
	from msp_licensing.changes import delivery

	doc = ask()

	def lose(*args, **options):
		raise site.QueryDeadlockError

	monkeypatch.setattr(delivery, "ring", lose)
	with pytest.raises(site.QueryDeadlockError):
		about("pending", doc, key="deadlock")


# ------------------------------------------------------------------------------------ the digest


def test_the_digest_is_one_mail_a_day_and_says_how_things_stand(site, people, ask, choose):
	from msp_licensing.changes import digest, states

	choose(pending_notice="Daily Digest", auto_approved_notice="Daily Digest")
	released = ask("15")
	assert not bells(site) and not mails(site)
	site.db.set_value(DT, released.name, {"workflow_state": "Applied", "open_subscription": None})
	waiting = ask("40")
	assert bells(site) == [people.manager] == assigned(site, waiting.name) and not mails(site)
	assert digest.send() == 1
	[mail] = mails(site, people.manager)
	assert mail.startswith("License changes: 1 waiting, 1 applied without approval\n")
	assert (
		mail.index("Waiting for a decision") < mail.index(waiting.name) < mail.index("Approved by the rules")
	)
	assert released.name in mail and "(Applied)" in mail and "Decided meanwhile" not in mail
	assert digest.send() == 0 and len(mails(site)) == 1
	assert site.get_all(NOTICE, pluck="mail", distinct=True) == ["In Digest"]

	states.move(waiting.name, "Withdrawn", expect=("Pending Approval",))
	late = ask("40")
	states.move(late.name, "Withdrawn", expect=("Pending Approval",))
	site.db.commit()
	assert digest.send() == 1
	assert (
		"Decided meanwhile" in mails(site, people.manager)[-1]
		and late.name in mails(site, people.manager)[-1]
	)


def test_a_digest_that_fails_is_due_again_and_one_for_nobody_is_not(site, people, ask, choose, monkeypatch):
	from msp_licensing.changes import delivery, digest

	choose(pending_notice="Daily Digest")
	ask()
	with monkeypatch.context() as broken:
		broken.setattr("frappe.sendmail", lambda **options: 1 / 0)
		assert digest.send() == 0
	assert site.get_all(NOTICE, pluck="mail") == ["Digest Due"]
	with monkeypatch.context() as no_account:
		no_account.setattr(delivery, "can_send", lambda: False)
		assert digest.send() == 0
	assert len(bells(site, people.manager)) == 2 and site.get_all(NOTICE, pluck="mail") == ["None"]
	site.db.set_value(
		NOTICE, {"recipient": people.manager}, {"mail": "Digest Due", "recipient": people.reader}
	)
	site.db.commit()
	assert digest.send() == 0 and not mails(site), "no manager any more"


def test_changes_approved_by_the_rules_are_told_as_the_settings_say(site, people, ask, choose):
	from msp_licensing.changes import states

	doc = ask("15")
	assert not bells(site) and not mails(site) and not site.db.count(NOTICE)
	states.move(doc.name, "Withdrawn", expect=("Approved",))
	choose(auto_approved_notice="Each")
	ask("15")
	assert bells(site) == [people.manager] == mails(site)
	assert not site.db.count("ToDo"), "nobody has to do anything"


# ------------------------------------------------------------------------------------ the templates


def test_templates_are_made_where_missing_and_never_overwritten(site):
	from msp_licensing.changes.notices import TEXTS
	from msp_licensing.setup import email_templates

	names = list(TEXTS.values())
	assert set(site.get_all("Email Template", {"name": ("in", names)}, pluck="name")) == set(names)
	site.db.set_value("Email Template", names[0], "subject", "Ours")
	site.db.delete("Email Template", {"name": names[1]})
	email_templates.make_email_templates()
	assert site.db.get_value("Email Template", names[0], "subject") == "Ours"
	made = site.get_doc("Email Template", names[1])
	made.validate()
	assert made.use_html and made.response_html.startswith("{# client, product")


def test_notices_that_are_old_go_and_what_is_due_stays(site, people, ask):
	from frappe.model.base_document import get_controller

	doc = ask()
	about("pending", doc, key="due")
	old, due = site.get_all(NOTICE, pluck="name", order_by="creation")
	site.db.set_value(NOTICE, due, "mail", "Digest Due")
	site.db.sql(f"update `tab{NOTICE}` set creation = '2020-01-01'")
	get_controller(NOTICE).clear_old_logs(365)
	assert site.get_all(NOTICE, pluck="name") == [due] and old != due
