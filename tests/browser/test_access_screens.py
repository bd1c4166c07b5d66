"""Access as staff give and take it: the invitation, its record, its revocation, on the client, the user and the list."""

from urllib.parse import quote

import pytest

CEDAR = "Cedar & Pine Architects"
NEW = "nora@cedarpine.example"


@pytest.fixture
def client_form(look) -> str:
	doctype = look("from msp_licensing.setup import demo; answer = demo.site_client_doctype()")
	return f"/app/{doctype.lower().replace(' ', '-')}/{quote(CEDAR)}"


@pytest.fixture(autouse=True)
def nobody_new(demo_site, look):
	yield
	look(f"frappe.delete_doc('User', {NEW!r}, force=True, ignore_missing=True)")


def test_somebody_is_invited_revoked_and_given_access_again(
	demo_site, look, sign_in, client_form, open_dashboard, tmp_path
):
	from playwright.sync_api import expect

	desk = sign_in(demo_site.manager, "/app/msp-licensing")
	desk.goto(client_form)
	people = desk.locator(".form-dashboard-section.custom", has_text="Licensing Portal")
	desk.get_by_role("button", name="Invite Portal User").wait_for()
	open_dashboard(desk)
	expect(people).to_contain_text("olivia@cedarpine.example")
	desk.get_by_role("button", name="Invite Portal User").click()
	dialog = desk.locator(".modal.show")
	# Frappe puts the cursor there once the dialog has moved in: what is typed before may end up in the wrong field.
	expect(dialog.locator("[data-fieldname=first_name] input")).to_be_focused()
	dialog.locator("[data-fieldname=first_name] input").fill("Nora <b>N</b>")
	dialog.locator("[data-fieldname=access] select").select_option("Request changes")
	email = dialog.locator("[data-fieldname=email] input")
	email.fill(NEW)
	email.press("Tab")  # Frappe looks at it then, and writes it anew
	expect(dialog.locator("[data-fieldname=email] .has-error")).to_have_count(0)
	expect(email).to_have_value(NEW)
	dialog.get_by_role("button", name="Invite", exact=True).click()
	row = people.locator("tr", has_text=NEW)
	expect(row).to_contain_text("Requests changes")
	expect(row).to_contain_text("Active")
	desk.screenshot(path=str(tmp_path / "client.png"), full_page=True)

	row.get_by_role("button", name="Revoke").click()
	desk.locator(".modal.show .btn-primary").click()
	expect(people).to_contain_text("Revoked: 1")
	people.locator("summary").click()
	people.locator("tr", has_text=NEW).locator("a").click()
	# The client's form has such buttons as well, and is shown until the record has been loaded.
	record = desk.locator('[id="page-Licensing Portal User"]')
	expect(record.get_by_role("button", name="Give Again")).to_be_visible()
	desk.screenshot(path=str(tmp_path / "record.png"), full_page=True)
	record.get_by_role("button", name="Give Again").click()
	desk.locator(".modal.show .btn-primary").click()
	expect(record.get_by_role("button", name="Revoke")).to_be_visible()
	clients = look(
		"from msp_licensing import permissions\n"
		f"answer = [client.name for client in permissions.clients_of({NEW!r})]"
	)
	assert clients == [CEDAR] and not desk.errors

	staff = sign_in(demo_site.system_manager, "/app/msp-licensing")
	staff.goto(f"/app/user/{NEW}")
	section = staff.locator(".form-dashboard-section", has_text="Licensing Portal")
	expect(section).to_contain_text(CEDAR)
	expect(section.get_by_role("button", name="Revoke")).to_have_count(0)
	staff.screenshot(path=str(tmp_path / "user.png"), full_page=True)


def test_people_to_confirm_are_decided_together_in_the_list(demo_site, look, sign_in):
	from playwright.sync_api import expect

	set_status = "frappe.db.set_value('Licensing Portal User', {{'user': {!r}}}, 'status', {!r})"
	look(set_status.format(demo_site.reader, "To Confirm"))
	try:
		desk = sign_in(demo_site.manager, "/app/licensing-portal-user")
		desk.goto("/app/licensing-portal-user?status=To%20Confirm")
		expect(desk.locator(".list-row")).to_have_count(1)
		desk.locator(".list-row .list-row-checkbox").first.check()
		desk.get_by_role("button", name="Actions").click()
		desk.locator(".dropdown-menu.show").get_by_text("Confirm", exact=True).click()
		desk.locator(".modal.show .btn-primary").click()
		expect(desk.locator(".list-row")).to_have_count(0)
		status = look(
			f"answer = frappe.db.get_value('Licensing Portal User', {{'user': {demo_site.reader!r}}}, 'status')"
		)
		assert status == "Active" and not desk.errors
	finally:
		look(set_status.format(demo_site.reader, "Active"))
