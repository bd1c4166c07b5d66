const esc = (text) => frappe.utils.escape_html(text == null ? "" : String(text));
const CLASS_API = "msp_licensing.desk.usage_class";
const DASH = '<span class="text-muted">—</span>';

frappe.ui.form.on("Pax8 Product", {
	setup(frm) {
		// A price that Pax8 does not give is stored as 0 with a flag beside it, and is never shown as 0.
		frm.get_docfield("retail_price_from").formatter = price_or_dash("has_retail_price");
	},

	refresh(frm) {
		frm.page.set_indicator(...indicator(frm.doc));
		if (frm.doc.featured && !frm.doc.visible) {
			frm.set_intro(__("Featured, but hidden: clients do not see it."), "orange");
		}
		if (frm.doc.discontinued) {
			frm.set_intro(__("The last complete sync no longer found this product at Pax8."), "gray");
		}
		show_commitments(frm);
		show_billing_class(frm);
		for (const column of ["suggested_retail_price", "partner_buy_rate"]) {
			frm.get_field("prices").grid.update_docfield_property(column, "formatter", price_or_dash(`has_${column}`));
		}
	},

	featured(frm) {
		if (frm.doc.featured && !frm.doc.visible) {
			frappe.show_alert({ message: __("Hidden products are not shown to clients, featured or not."), indicator: "orange" });
		}
	},
});

function indicator(doc) {
	if (doc.discontinued) return [__("No longer at Pax8"), "gray"];
	if (!doc.visible) return [__("Hidden"), "gray"];
	return doc.featured ? [__("Featured"), "yellow"] : [__("Visible"), "green"];
}

function price_or_dash(flag) {
	return (value, df, options, doc) => {
		if (!cint(doc?.[flag])) return `<div class="text-right">${DASH}</div>`;
		// Pax8 names no currency: without one from a subscription, the number stands alone.
		const price = doc.currency ? format_currency(value, doc.currency) : format_number(value, null, 2);
		return `<div class="text-right">${esc(price)}</div>`;
	};
}

/** Why the app says what it says, who has decided otherwise, and the way back. */
function show_billing_class(frm) {
	const { doc } = frm;
	const $wrapper = frm.get_field("usage_class_html").$wrapper.empty();
	const { reasons = [], contradicts, differs } = doc.__onload?.billing_class || {};
	const [chosen, computed] = [doc.usage_class, doc.computed_usage_class].map((name) => esc(__(name || "Unknown")));
	if (contradicts) {
		const text = __("Staff set {0}, but Pax8 reports usage of this product.", [chosen]);
		$(`<div class="form-message orange" role="alert">${text}</div>`).appendTo($wrapper);
	}
	let heading = __("The app says {0}:", [computed]);
	if (doc.usage_class_set_by_staff) {
		heading = differs
			? __("Staff decided: {0}. The app would say {1}:", [chosen, computed])
			: __("Staff decided: {0}. The app says the same:", [chosen]);
	}
	if (!reasons.length) heading = doc.usage_class_set_by_staff ? __("Staff decided: {0}.", [chosen]) : "";
	if (heading) $(`<p class="mb-1">${heading}</p>`).appendTo($wrapper);
	if (reasons.length) $(`<ul>${reasons.map((text) => `<li>${esc(text)}</li>`).join("")}</ul>`).appendTo($wrapper);
	else $(`<p class="text-muted">${__("The app has not looked at this product yet: it does so with the prices.")}</p>`).appendTo($wrapper);
	if (!frappe.user.has_role("Licensing Manager")) return;
	if (doc.usage_class_set_by_staff) {
		$(`<button type="button" class="btn btn-default btn-sm mb-3">${__("Let the App Decide")}</button>`)
			.on("click", () => decide(frm, `${CLASS_API}.let_app_decide`))
			.appendTo($wrapper);
	} else if (reasons.length) {
		$(`<button type="button" class="btn btn-default btn-sm mb-3">${__("Keep This Class")}</button>`)
			.attr("title", __("The class stands as if you had set it. No sync changes it."))
			.on("click", () => decide(frm, `${CLASS_API}.choose`, { usage_class: doc.usage_class }))
			.appendTo($wrapper);
	}
}

async function decide(frm, method, values = {}) {
	if (frm.is_dirty()) {
		frappe.msgprint(__("Save your changes first."));
		return;
	}
	const { message } = await frappe.xcall(method, {
		names: JSON.stringify([frm.docname]),
		...values,
	});
	frappe.show_alert({ message: esc(message), indicator: "green" });
	frm.reload_doc();
}

function show_commitments(frm) {
	const $wrapper = frm.get_field("commitments_html").$wrapper.empty();
	let options = [];
	try {
		options = JSON.parse(frm.doc.commitment_options || "[]");
	} catch {
		return;
	}
	$(`<div class="control-label mb-2">${__("Commitment Options")}</div>`).appendTo($wrapper);
	if (!options.length) {
		$(`<p class="text-muted">${
			frm.doc.priced_on ? __("Pax8 names none for this product.") : __("Not read yet: they come with the prices.")
		}</p>`).appendTo($wrapper);
		return;
	}
	const word = (value) =>
		value == null
			? `<span class="text-muted">${__("not known")}</span>`
			: `<span class="indicator ${value ? "green" : "red"}">${value ? __("Yes") : __("No")}</span>`;
	$(`<div class="table-responsive"><table class="table table-bordered mt-0"><thead><tr class="text-muted small">
		<th>${__("Term")}</th><th>${__("Increase in Term")}</th><th>${__("Decrease in Term")}</th>
		<th>${__("Early Cancellation")}</th><th>${__("Renews by Itself")}</th><th>${__("Renewal Window")}</th>
		</tr></thead><tbody>${options
			.map(
				(option) => `<tr>
			<td class="bold">${esc(option.term) || DASH}</td>
			<td>${word(option.allow_quantity_increase)}</td>
			<td>${word(option.allow_quantity_decrease)}</td>
			<td>${word(option.allow_early_cancellation)}${
					option.cancellation_fee_applied ? `<div class="text-muted small">${__("with a fee")}</div>` : ""
				}</td>
			<td>${word(option.auto_renew)}</td>
			<td>${esc(renewal_window(option))}</td></tr>`
			)
			.join("")}</tbody></table></div>`).appendTo($wrapper);
}

function renewal_window(option) {
	const before = option.renewal_window_days_before_term_end;
	const after = option.renewal_window_days_after_term_end;
	if (before == null && after == null) return "—";
	const days = (n) => msp_licensing.plural(n, __("{0} day", [n]), __("{0} days", [n]));
	return __("{0} before to {1} after the end", [days(before ?? 0), days(after ?? 0)]);
}
