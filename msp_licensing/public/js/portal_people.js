// The portal users of a client and their invitation, on the form of a client record (MSP Client or Customer).

frappe.provide("msp_licensing");

/** Shows who of this client may use the portal, with a button to invite somebody. Managers only. */
msp_licensing.show_portal_people = async function (frm) {
	if (frm.is_new() || !frappe.user.has_role("Licensing Manager")) return;
	frm.add_custom_button(__("Invite Portal User"), () => invite(frm));
	const { doctype, name } = frm.doc;
	const people = await frappe.xcall("msp_licensing.desk.clients.portal_people", {
		client_doctype: doctype,
		client: name,
	});
	if (frm.doc.name !== name) return;
	frm.dashboard.add_section(people_html(people), __("Portal Users"));
	frm.dashboard.show();
};

function people_html(people) {
	const { escape_html } = frappe.utils;
	if (!people.length) {
		return `<p class="text-muted mb-0">${__("Nobody of this client sees its licenses in the portal yet.")}</p>`;
	}
	const row = (person) => `<tr>
		<td><a href="/app/user/${encodeURIComponent(person.user)}">${escape_html(person.full_name || person.user)}</a>
			<span class="text-muted small">${escape_html(person.user)}</span></td>
		<td>${access_of(person)}${
		person.enabled ? "" : ` <span class="indicator gray">${__("Disabled")}</span>`
	}</td>
		<td class="text-muted">${
			person.last_active ? frappe.datetime.prettyDate(person.last_active) : __("Never signed in")
		}</td></tr>`;
	return `<table class="table table-bordered m-0"><tbody>${people.map(row).join("")}</tbody></table>`;
}

function access_of({ may_request, may_approve }) {
	if (may_request && may_approve) return __("Requests and approves changes");
	if (may_approve) return __("Approves changes");
	return may_request ? __("Requests changes") : __("Only views");
}

function invite(frm) {
	const dialog = new frappe.ui.Dialog({
		title: __("Invite to the Portal of {0}", [frappe.utils.escape_html(frm.doc.client_name || frm.doc.customer_name || frm.doc.name)]),
		fields: [
			{ fieldname: "first_name", fieldtype: "Data", label: __("First Name"), reqd: 1 },
			{ fieldname: "column_break", fieldtype: "Column Break" },
			{ fieldname: "last_name", fieldtype: "Data", label: __("Last Name") },
			{ fieldname: "section_break", fieldtype: "Section Break" },
			{ fieldname: "email", fieldtype: "Data", options: "Email", label: __("E-mail"), reqd: 1 },
			{
				fieldname: "access",
				fieldtype: "Select",
				label: __("This Person May"),
				options: [
					{ value: "Only view", label: __("Only view the licenses") },
					{ value: "Request changes", label: __("View and request changes") },
					{ value: "Approve changes", label: __("View and approve what others request") },
					{
						value: "Request and approve changes",
						label: __("Request changes, and approve what others request"),
					},
				],
				default: "Only view",
				reqd: 1,
			},
		],
		primary_action_label: __("Invite"),
		async primary_action(values) {
			const answer = await frappe.xcall("msp_licensing.desk.clients.invite", {
				client_doctype: frm.doctype,
				client: frm.doc.name,
				...values,
			});
			dialog.hide();
			frappe.show_alert({ message: frappe.utils.escape_html(answer.message), indicator: "green" }, 10);
			frm.reload_doc();
		},
	});
	dialog.show();
}
