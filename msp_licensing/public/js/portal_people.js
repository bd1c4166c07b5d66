// The portal users of a client and their invitation, on the form of a client record (MSP Client or Customer).

frappe.provide("msp_licensing");

(() => {
	/** Shows who of this client may use the portal, with a button to invite somebody. Managers only. */
	msp_licensing.show_portal_people = async function (frm) {
		if (frm.is_new() || !frappe.user.has_role("Licensing Manager")) return;
		frm.add_custom_button(__("Invite Portal User"), () => invite(frm));
		const { name } = frm.doc;
		await frappe.require("/assets/msp_licensing/js/portal_access.js");
		const people = await read(frm);
		if (frm.doc.name !== name) return;
		frm.$portal_people = frm.dashboard.add_section("", __("Licensing Portal"));
		draw(frm, people);
		frm.dashboard.show();
	};

	const read = (frm) =>
		frappe.xcall("msp_licensing.desk.clients.portal_people", { client_doctype: frm.doctype, client: frm.doc.name });

	function draw(frm, people) {
		frm.$portal_people.html(people_html(people));
		msp_licensing.wire_access_buttons(frm.$portal_people, () => show_change(frm));
	}

	/** Shows what was decided. The form is only read anew where its record has changed: it would go back to its first tab. */
	async function show_change(frm) {
		const { message } = await frappe.db.get_value(frm.doctype, frm.doc.name, "modified");
		if (message.modified !== frm.doc.modified) frm.reload_doc();
		else draw(frm, await read(frm));
	}

	function people_html(people) {
		if (!people.length) {
			return `<p class="text-muted mb-0">${__("Nobody of this client sees its licenses in the portal yet.")}</p>`;
		}
		const [revoked, others] = [people.filter(is_revoked), people.filter((person) => !is_revoked(person))];
		const table = (rows) =>
			`<div class="table-responsive"><table class="table table-bordered m-0"><tbody>${rows
				.map(person_html)
				.join("")}</tbody></table></div>`;
		const past = revoked.length
			? `<details class="mt-2"><summary class="text-muted">${__("Revoked: {0}", [
					revoked.length,
			  ])}</summary>${table(revoked)}</details>`
			: "";
		return (others.length ? table(others) : "") + past;
	}

	const is_revoked = (person) => person.status === "Revoked";

	function person_html(person) {
		const { escape_html } = frappe.utils;
		const last = person.last_active ? frappe.datetime.prettyDate(person.last_active) : __("Never signed in");
		const problem = person.problem ? `<div class="text-danger small">${escape_html(person.problem)}</div>` : "";
		return `<tr>
			<td><a href="${frappe.utils.get_form_link("Licensing Portal User", person.name)}">${escape_html(
			person.full_name || person.user
		)}</a> <span class="text-muted small">${escape_html(person.user)}</span>${problem}</td>
			<td>${msp_licensing.access_words(person)}</td>
			<td>${msp_licensing.access_indicator(person.status)}</td>
			<td class="text-muted">${last}</td>
			<td class="text-right">${msp_licensing.access_buttons(person)}</td></tr>`;
	}

	function invite(frm) {
		const dialog = new frappe.ui.Dialog({
			title: __("Invite to the Portal of {0}", [frappe.utils.escape_html(client_title(frm))]),
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
				{
					fieldname: "orders",
					fieldtype: "Check",
					label: __("Also show orders and invoices"),
					description: __("In ERPNext's portal, as one of the Customer's Portal Users. Without it nothing is shown there."),
					hidden: frm.doctype !== "Customer" || !frm.perm[0].write,
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
				show_change(frm);
			},
		});
		dialog.show();
	}

	function client_title(frm) {
		return frm.doc.client_name || frm.doc.customer_name || frm.doc.name;
	}
})();
