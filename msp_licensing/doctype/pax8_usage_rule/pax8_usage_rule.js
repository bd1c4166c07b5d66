(() => {
	const CLIENT_DOCTYPES = ["MSP Client", "Customer"];
	const FIELDS = ["text_contains", "product", "sku", "client_doctype", "client", "from_date", "enabled"];
	const esc = (text) => frappe.utils.escape_html(text == null ? "" : String(text));

	const on_change = Object.fromEntries(FIELDS.map((field) => [field, (frm) => frm.events.preview(frm)]));

	frappe.ui.form.on("Pax8 Usage Rule", {
		...on_change,

		setup(frm) {
			frm.set_query("client_doctype", () => ({ filters: { name: ["in", CLIENT_DOCTYPES] } }));
			frm.set_query("client", () => (frm.doc.client_doctype ? { filters: { disabled: 0 } } : {}));
		},

		async refresh(frm) {
			frm.toggle_display("client_name", frm.doc.client_name && frm.doc.client_name !== frm.doc.client);
			frm.events.preview(frm);
			if (frm.is_new() && !frm.doc.client_doctype) {
				await frm.set_value("client_doctype", frappe.boot.msp_licensing.client_doctype);
			}
			frm.get_field("client").set_label(__(frm.doc.client_doctype || "Client"));
		},

		preview: frappe.utils.debounce(async (frm) => {
			const $html = frm.get_field("preview_html").$wrapper;
			const { text_contains, product, sku, client } = frm.doc;
			if (!frappe.user.has_role("Licensing Manager")) return $html.empty();
			if (!client || !(text_contains || product || sku)) {
				$html.html(`<div class="text-muted">${__("Fill in a condition and the client to see what the rule would assign.")}</div>`);
				return;
			}
			const asked = (frm.preview_asked = (frm.preview_asked || 0) + 1);
			const answer = await frappe.xcall("msp_licensing.desk.usage_inbox.preview_rule", {
				rule: JSON.stringify({ name: frm.is_new() ? "" : frm.doc.name, ...Object.fromEntries(FIELDS.map((f) => [f, frm.doc[f]])) }),
			});
			if (asked !== frm.preview_asked) return;
			$html.html(preview_html(answer, frm.doc));
		}, 300),

		after_save(frm) {
			if (!frm.doc.enabled) return;
			frappe.show_alert({ message: __("Saved. The rule is applied now, and whenever usage is read."), indicator: "green" });
		},
	});

	function preview_html({ sentence, rows, assigned }, { enabled }) {
		const off = cint(enabled) ? "" : ` ${__("The rule is switched off.")}`;
		const list = rows.map((row) => {
			const amount =
				row.this_month_charges == null || !row.currency ? "—" : format_currency(row.this_month_charges, row.currency);
			return `<tr><td class="text-break"><a href="${frappe.utils.get_form_link("Pax8 Resource Group", row.name)}">${esc(
				row.resource_group || __("(no name)")
			)}</a></td><td>${esc(row.product_name)}</td><td class="text-right text-nowrap">${esc(amount)}</td></tr>`;
		});
		if (assigned > rows.length) {
			list.push(`<tr><td colspan="3" class="text-muted">${__("… and {0} more", [assigned - rows.length])}</td></tr>`);
		}
		const table = list.length
			? `<div class="table-responsive"><table class="table table-sm mt-2 mb-0"><thead><tr class="text-muted small"><th>${__(
					"Resource Group"
			  )}</th><th>${__("Product")}</th><th class="text-right">${__("This Month")}</th></tr></thead><tbody>${list.join(
					""
			  )}</tbody></table></div>`
			: "";
		return `<div role="status">${esc(sentence)}${esc(off)}</div>${table}`;
	}
})();
