// What people decide about a resource group of usage: the dialogs of the usage inbox, and the same on the group's form.

frappe.provide("msp_licensing.usage");

(() => {
	const API = "msp_licensing.desk.usage_inbox";
	const PAX8 = "https://app.pax8.com/";
	const esc = (text) => frappe.utils.escape_html(text == null ? "" : String(text));
	const is_manager = () => frappe.user.has_role("Licensing Manager");
	const name_of = (group) => group.resource_group || __("(no name)");

	const told = (message) => frappe.show_alert({ message: esc(message), indicator: "green" });

	/** What became of several groups: those that could not be done are listed with the reason. */
	function show_outcome({ message, failed }) {
		told(message);
		if (!failed.length) return;
		const rows = failed.map((row) => `<li><b>${esc(row.group)}</b>: ${esc(row.message)}</li>`).join("");
		frappe.msgprint({ title: __("Not Done"), indicator: "orange", message: `<ul class="mb-0 pl-3">${rows}</ul>` });
	}

	/** The fields that say whose the usage is, from when on, and why. */
	function client_fields(client_doctype, { from_help, from_date }) {
		return [
			{
				fieldname: "client",
				fieldtype: "Link",
				options: client_doctype,
				label: __("Client"),
				reqd: 1,
				get_query: () => ({ filters: { disabled: 0 } }),
			},
			{
				fieldname: "from_date",
				fieldtype: "Date",
				label: __("From"),
				default: from_date,
				description: from_help,
			},
			{ fieldname: "reason", fieldtype: "Small Text", label: __("Reason") },
		];
	}

	function suggestions_html(suggestions) {
		if (!suggestions?.length) return "";
		const rows = suggestions.map((one, number) => {
			const label = __("Choose {0}", [one.title]);
			return `<div class="d-flex align-items-start justify-content-between border rounded px-3 py-2 mb-2">
				<div><b>${esc(one.title)}</b><div class="small text-muted">${one.reasons.map(esc).join("<br>")}</div></div>
				<button type="button" class="btn btn-default btn-xs ml-3 use" data-number="${number}"
					aria-label="${esc(label)}">${__("Choose")}</button></div>`;
		});
		return `<div class="control-label mb-2">${__("Is it one of these?")}</div>${rows.join("")}`;
	}

	/** Assigns one or more groups; `groups` are rows of the inbox, or documents. */
	msp_licensing.usage.assign = function (groups, client_doctype, done, chosen = null) {
		const suggestions = groups.length === 1 ? groups[0].suggestions : [];
		const dialog = new frappe.ui.Dialog({
			title: groups.length === 1 ? __("Assign Usage") : __("Assign {0} Resource Groups", [groups.length]),
			fields: [
				{ fieldname: "about", fieldtype: "HTML" },
				...client_fields(client_doctype, {
					from_help: __(
						"First day (UTC). Empty: the first of this month, or today if a client had it this month."
					),
				}),
			],
			primary_action_label: __("Assign"),
			async primary_action(values) {
				const answer = await frappe.xcall(`${API}.assign`, {
					groups: JSON.stringify(groups.map((group) => group.name)),
					client_doctype,
					...values,
				});
				dialog.hide();
				show_outcome(answer);
				done();
			},
		});
		const $about = dialog.get_field("about").$wrapper;
		const names = groups.slice(0, 5).map((group) => `<li>${esc(name_of(group))}</li>`);
		if (groups.length > 5) names.push(`<li>${__("… and {0} more", [groups.length - 5])}</li>`);
		$about.html(`<ul class="pl-3 text-break">${names.join("")}</ul>${suggestions_html(suggestions)}`);
		$about.find(".use").on("click", (event) => {
			dialog.set_value("client", suggestions[Number(event.currentTarget.dataset.number)].client);
		});
		if (chosen) dialog.set_value("client", chosen);
		dialog.show();
	};

	/** Gives the group of an assignment that is in force to another client. */
	msp_licensing.usage.change = function (assignment, client_doctype, done) {
		const dialog = new frappe.ui.Dialog({
			title: __("Change Client"),
			fields: client_fields(client_doctype, {
				from_help: __("First day (UTC) of the new client. Empty: today. The days before stay with {0}.", [
					assignment.client_name,
				]),
			}),
			primary_action_label: __("Change"),
			async primary_action(values) {
				await frappe.xcall(`${API}.change`, { assignment: assignment.name, client_doctype, ...values });
				dialog.hide();
				told(__("Changed."));
				done();
			},
		});
		dialog.show();
	};

	/** Ends an assignment, for instance because Pax8 is right. */
	msp_licensing.usage.remove = function (assignment, done, { title, label } = {}) {
		const dialog = new frappe.ui.Dialog({
			title: title || __("Remove Assignment"),
			fields: [
				{
					fieldname: "from_date",
					fieldtype: "Date",
					label: __("No Longer from"),
					description: __(
						"First day (UTC) on which it no longer counts. Empty: today. The first day of the assignment ({0}): it was a mistake and never counted.",
						[frappe.datetime.str_to_user(assignment.from_date)]
					),
				},
				{ fieldname: "reason", fieldtype: "Small Text", label: __("Reason") },
			],
			primary_action_label: label || __("Remove"),
			async primary_action(values) {
				await frappe.xcall(`${API}.remove`, { assignment: assignment.name, ...values });
				dialog.hide();
				told(__("Removed."));
				done();
			},
		});
		dialog.show();
	};

	msp_licensing.usage.ignore = function (groups, done) {
		const dialog = new frappe.ui.Dialog({
			title: groups.length === 1 ? __("Ignore Usage") : __("Ignore {0} Resource Groups", [groups.length]),
			fields: [
				{
					fieldname: "reason",
					fieldtype: "Small Text",
					label: __("Reason"),
					reqd: 1,
					description: __("Why no client needs it, such as your own test tenant. If Pax8 links it, that counts."),
				},
			],
			primary_action_label: __("Ignore"),
			async primary_action({ reason }) {
				const names = JSON.stringify(groups.map((group) => group.name));
				const answer = await frappe.xcall(`${API}.ignore`, { groups: names, reason });
				dialog.hide();
				show_outcome(answer);
				done();
			},
		});
		dialog.show();
	};

	msp_licensing.usage.stop_ignoring = async function (groups, done) {
		const names = JSON.stringify(groups.map((group) => group.name));
		show_outcome(await frappe.xcall(`${API}.stop_ignoring`, { groups: names }));
		done();
	};

	/** How to link usage to a company in Pax8; with a group, for that one. */
	msp_licensing.usage.steps_html = function (group = null) {
		const steps = [
			__("In Pax8, go to Subscriptions and select the subscription."),
			__("Open its Usage tab. If no company is linked, “No company assigned” stands under the title."),
			__("Find the usage summary of the resource group and open the menu with the three dots at the end of its row."),
			__("Choose the company that this usage belongs to."),
		];
		const about = group
			? `<dl class="usage-steps-of">
				<dt>${__("Product")}</dt><dd>${esc(group.product_name) || "—"}</dd>
				<dt>${__("Subscription ID")}</dt><dd><code>${esc(group.subscription_id)}</code></dd>
				<dt>${__("Resource Group")}</dt><dd class="text-break">${esc(name_of(group))}</dd></dl>`
			: "";
		return `${about}<ol class="pl-3">${steps.map((step) => `<li>${step}</li>`).join("")}</ol>
			<p>${__(
				"Each vendor entity is linked once. A new entity, or usage of a new vendor, needs it again. Azure usually links itself by its tenant."
			)}</p>
			<p class="mb-0">${__("The next sync of usage sees the link. An assignment to the same client ends by itself then.")}</p>`;
	};

	msp_licensing.usage.show_steps = function (group) {
		const dialog = new frappe.ui.Dialog({
			title: __("Link in Pax8"),
			fields: [{ fieldname: "steps", fieldtype: "HTML" }],
			primary_action_label: __("Open Pax8"),
			primary_action() {
				window.open(PAX8, "_blank", "noopener");
			},
			secondary_action_label: __("Copy Subscription ID"),
			secondary_action() {
				frappe.utils.copy_to_clipboard(group.subscription_id);
			},
		});
		dialog.get_field("steps").$wrapper.html(msp_licensing.usage.steps_html(group));
		dialog.show();
	};

	/** A new rule that would fit a group. */
	msp_licensing.usage.make_rule = function (group, client_doctype) {
		const [suggestion] = group.suggestions || [];
		frappe.new_doc("Pax8 Usage Rule", {
			rule_name: name_of(group).slice(0, 140),
			text_contains: (group.resource_group || "").slice(0, 140),
			product: group.product,
			client_doctype: suggestion?.client_doctype || client_doctype,
			client: suggestion?.client,
		});
	};

	// ------------------------------------------------------------------------------------ form

	function assignments_html(assignments) {
		if (!assignments.length) return `<div class="text-muted">${__("Nobody has assigned it yet.")}</div>`;
		const day = (value) => (value ? frappe.datetime.str_to_user(value) : "");
		const rows = assignments.map((row) => {
			const period = row.never
				? __("never counted")
				: row.to_date
				? __("{0} to {1}", [day(row.from_date), day(row.to_date)])
				: __("from {0}", [day(row.from_date)]);
			const ended = row.in_force
				? `<span class="indicator-pill no-indicator-dot green">${__("In Force")}</span>`
				: [row.ended_because && __(row.ended_because), row.ended, row.end_reason]
						.filter(Boolean)
						.map(esc)
						.join(", ");
			return `<tr><td><a href="${frappe.utils.get_form_link("Pax8 Usage Assignment", row.name)}">${esc(
				row.client_name
			)}</a></td><td>${esc(period)}</td><td>${esc(row.by)}<div class="small text-muted">${esc(
				frappe.datetime.str_to_user(row.given_on)
			)}</div></td><td class="text-break">${esc(row.reason) || "—"}</td><td>${ended}</td></tr>`;
		});
		return `<div class="table-responsive"><table class="table table-sm mb-0"><thead><tr class="text-muted small">
			<th>${__("Client")}</th><th>${__("Days (UTC)")}</th><th>${__("Given By")}</th><th>${__("Reason")}</th>
			<th>${__("Status")}</th></tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
	}

	frappe.ui.form.on("Pax8 Resource Group", {
		async refresh(frm) {
			const { name } = frm.doc;
			const $html = frm.get_field("assignments_html").$wrapper.empty();
			const asked = (frm.usage_asked = (frm.usage_asked || 0) + 1);
			const answer = await frappe.xcall(`${API}.group`, { name });
			// The form may show another group by now.
			if (frm.doc.name !== name || asked !== frm.usage_asked) return;
			$html.html(assignments_html(answer.assignments));
			for (const one of answer.renames) {
				const is_new = one.new === name;
				const other = is_new ? one.old : one.new;
				const text = is_new
					? __("This is probably a group of an earlier name: {0}", [one.old_text || __("(no name)")])
					: __("This group probably has a new name now: {0}", [one.new_text || __("(no name)")]);
				const link = frappe.utils.get_form_link("Pax8 Resource Group", other);
				$(`<div class="mt-2"><a class="text-underline" href="${link}">${esc(text)}</a>
					<div class="small text-muted">${one.reasons.map(esc).join(" ")}</div></div>`).appendTo($html);
			}
			if (frm.doc.conflict) {
				const { pax8_client, pax8_company_name } = answer.linked || {};
				const intro = pax8_client
					? __(
							"Pax8 links this usage to {0} ({1}). The assignment counts here, but Pax8's invoice follows Pax8. Link it in Pax8 as well, or change or remove the assignment.",
							[esc(pax8_client), esc(pax8_company_name)]
					  )
					: __(
							"Pax8 links this usage to another client. The assignment counts here, but Pax8's invoice follows Pax8. Link it in Pax8 as well, or change or remove the assignment."
					  );
				frm.set_intro(intro, "red");
			}
			if (is_manager()) add_buttons(frm, answer);
		},
	});

	function add_buttons(frm, { assignments, client_doctype }) {
		const done = () => frm.reload_doc();
		const group = { ...frm.doc, suggestions: [] };
		const current = assignments.find((row) => row.in_force);
		if (current) {
			frm.add_custom_button(__("Change Client"), () => msp_licensing.usage.change(current, client_doctype, done));
			frm.add_custom_button(__("Remove Assignment"), () => msp_licensing.usage.remove(current, done));
		} else {
			frm.add_custom_button(__("Assign"), () => msp_licensing.usage.assign([group], client_doctype, done));
		}
		if (frm.doc.placement === "Unassigned") {
			frm.add_custom_button(__("Ignore"), () => msp_licensing.usage.ignore([group], done));
		}
		if (frm.doc.placement === "Ignored") {
			frm.add_custom_button(__("Stop Ignoring"), () => msp_licensing.usage.stop_ignoring([group], done));
		}
		frm.add_custom_button(__("Link in Pax8"), () => msp_licensing.usage.show_steps(group));
		frm.add_custom_button(__("Usage Inbox"), () => frappe.set_route("usage-inbox"));
	}
})();
