// The rules of single subscriptions on the form of Licensing Settings.

frappe.provide("msp_licensing");

(() => {
	const API = "msp_licensing.desk";
	const esc = (text) => frappe.utils.escape_html(text == null ? "" : String(text));
	const is_manager = () => frappe.user.has_role("Licensing Manager");

	msp_licensing.SelfServiceRules = class extends msp_licensing.PagedTable {
		constructor(frm) {
			super(frm, "rules_html");
			this.method = `${API}.rules.subscriptions`;
			this.make();
		}

		async make() {
			const clients = await frappe.xcall(`${API}.rules.clients`);
			this.add_search(__("Search product or client"));
			this.$client = this.add_select(__("All clients"), clients);
			this.$own = this.add_check(__("With a rule of their own"));
			this.load();
		}

		args() {
			return { search: this.$search.val(), client: this.$client.val(), own_rule: this.$own.is(":checked") };
		}

		draw() {
			if (!this.rows.length) {
				this.draw_nothing(__("No subscription matches."), __("Subscriptions of mapped companies appear here after their first sync."));
				return;
			}
			this.$body.html(`<table class="table table-hover mt-0 mb-2">
				<thead><tr class="text-muted small">
					<th style="width: 20%">${__("Client")}</th>
					<th>${__("Product")}</th>
					<th class="text-right" style="width: 80px">${__("Quantity")}</th>
					<th style="width: 24%">${__("Quantity Changes")}</th>
					<th style="width: 17%">${__("Approval")}</th>
					<th style="width: 11%">${__("Min – Max")}</th>
				</tr></thead>
				<tbody>${this.rows.map((row, index) => this.row_html(row, index)).join("")}</tbody></table>
				<p class="text-muted small">${__("Values in grey are inherited from the global defaults. Click a row to change its rule.")}</p>`);
			this.$body.find("tbody tr").on("click keydown", (event) => {
				if (event.type === "keydown" && !["Enter", " "].includes(event.key)) return;
				event.preventDefault();
				edit_rule(this.rows[event.currentTarget.dataset.index], () => this.load());
			});
		}

		row_html(row, index) {
			const { changes, approval, limits } = row.rule;
			const inherited = __("Inherited");
			const own = __("Set on this subscription");
			const cell = (part) =>
				`<span class="${part.inherited ? "text-muted" : "bold"}" title="${
					part.inherited ? esc(inherited) : esc(own)
				}">${esc(part.text)}</span>`;
			const dash = '<span class="text-muted">—</span>';
			const open = changes.allowed && !row.blocked;
			return `<tr tabindex="0" data-index="${index}" style="cursor: pointer">
				<td>${esc(row.client_name || row.client)}</td>
				<td>${esc(row.product_name)}<div class="text-muted small">${esc(row.vendor)}</div></td>
				<td class="text-right">${row.quantity}</td>
				<td><span class="indicator ${open ? "green" : "gray"}"></span>${
				row.blocked ? `<span class="text-muted">${__("Not possible")}</span>` : cell(changes)
			}${row.blocked ? `<div class="text-muted small">${esc(row.blocked)}</div>` : ""}${
				row.show_to_client ? "" : `<div class="text-muted small">${__("not shown to the client")}</div>`
			}</td>
				<td>${open ? cell(approval) : dash}</td>
				<td>${open ? cell(limits) : dash}</td>
			</tr>`;
		}
	};

	function edit_rule(row, saved) {
		const field = (name) => frappe.meta.get_docfield("Pax8 Subscription", name);
		frappe.model.with_doctype("Pax8 Subscription", () => {
			const fields = [
				"self_service",
				"approval",
				"show_to_client",
				"override_limits",
				"min_quantity",
				"max_quantity",
			].map((name) => {
				const { fieldname, fieldtype, label, options, description } = field(name);
				return {
					fieldname,
					fieldtype,
					label: __(label),
					options,
					description: description && __(description),
					default: row[name],
					depends_on: ["min_quantity", "max_quantity"].includes(name) ? "override_limits" : null,
				};
			});
			const licenses = msp_licensing.plural(
				row.quantity,
				__("{0} license", [row.quantity]),
				__("{0} licenses", [row.quantity])
			);
			const dialog = new frappe.ui.Dialog({
				title: __("Self-Service Rule"),
				fields: [
					{
						fieldtype: "HTML",
						options: `<p><b>${esc(row.product_name)}</b><br>
							<span class="text-muted">${esc(row.client_name || row.client)} · ${licenses}</span></p>`,
					},
					...fields,
				],
				primary_action_label: __("Save"),
				async primary_action(values) {
					await frappe.db.set_value("Pax8 Subscription", row.name, values);
					dialog.hide();
					frappe.show_alert({ message: __("Rule saved"), indicator: "green" });
					saved();
				},
				secondary_action_label: __("Open Subscription"),
				secondary_action() {
					dialog.hide();
					frappe.set_route("Form", "Pax8 Subscription", row.name);
				},
			});
			if (!is_manager()) dialog.get_primary_btn().hide();
			dialog.show();
		});
	}
})();
