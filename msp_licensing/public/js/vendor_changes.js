// Vendors that have another name at Pax8 than the one they are known by, and vendors in the settings that match nothing.

frappe.provide("msp_licensing");

const VENDORS_API = "msp_licensing.desk.vendors";

/** Draws what a person should look at into `$wrapper`; `settings` are the values in the form, or nothing. */
msp_licensing.show_vendor_changes = async function (frm, $wrapper, settings) {
	const { escape_html } = frappe.utils;
	const asked = (frm.vendor_changes_asked = (frm.vendor_changes_asked || 0) + 1);
	const answer = await frappe.xcall(`${VENDORS_API}.overview`, { settings: settings && JSON.stringify(settings) });
	if (asked !== frm.vendor_changes_asked) return;
	$wrapper.empty();
	for (const change of answer.changes) {
		const words = change.vendor
			? __("Vendor renamed at Pax8: {0} is {1} now.", [change.known, change.vendor].map((name) => `<b>${escape_html(name)}</b>`))
			: __("Pax8 names no vendor any more for products of {0}.", [`<b>${escape_html(change.known)}</b>`]);
		const $box = $(`<div class="form-message orange d-flex justify-content-between align-items-center" role="alert">
			<div>${words}<div class="small">${escape_html(counts(change))} ${__(
			"Until it is confirmed, your rules for both names count."
		)}</div></div></div>`).appendTo($wrapper);
		if (!change.may_confirm) continue;
		$(`<button type="button" class="btn btn-default btn-sm ml-3 text-nowrap">${__("Confirm")}</button>`)
			.on("click", () => confirm_vendor(frm, change))
			.appendTo($box);
	}
	if (answer.unmatched.length) {
		const names = answer.unmatched.map((name) => `<b>${escape_html(name)}</b>`).join(", ");
		const text = __("No product is of: {0}. A rule for such a vendor does nothing.", [names]);
		$(`<div class="form-message yellow" role="alert">${text}</div>`).appendTo($wrapper);
	}
};

function counts({ products, subscriptions }) {
	return [
		products === 1 ? __("1 product") : __("{0} products", [products]),
		subscriptions === 1 ? __("1 subscription.") : __("{0} subscriptions.", [subscriptions]),
	].join(", ");
}

function confirm_vendor(frm, change) {
	const has_rules = change.always || change.days;
	const dialog = new frappe.ui.Dialog({
		title: __("Confirm the Vendor's New Name"),
		fields: [
			{
				fieldname: "what",
				fieldtype: "HTML",
				options: `<p>${__("{0} is {1} now.", [change.known, change.vendor].map(frappe.utils.escape_html))}</p>`,
			},
			{
				fieldname: "rules",
				fieldtype: "Select",
				label: __("Your Rules Count for"),
				hidden: !has_rules,
				default: "Both Names",
				options: [
					{ value: "Both Names", label: __("both names") },
					{ value: "New Name Only", label: __("the new name in place of the old one") },
					{ value: "Not the New Name", label: __("the old name only: changes may be released") },
				],
				description: [
					change.always ? __("{0} always needs approval.", [change.known]) : "",
					change.days
						? msp_licensing.plural(
								change.days,
								__("{0} takes licenses back for {1} day.", [change.known, change.days]),
								__("{0} takes licenses back for {1} days.", [change.known, change.days])
						  )
						: "",
				]
					.filter(Boolean)
					.map(frappe.utils.escape_html)
					.join("<br>"),
			},
		],
		primary_action_label: __("Confirm"),
		async primary_action({ rules }) {
			dialog.disable_primary_action();
			try {
				const { message } = await frappe.xcall(`${VENDORS_API}.confirm`, {
					known: change.known,
					vendor: change.vendor,
					rules: rules || "Both Names",
				});
				dialog.hide();
				frappe.show_alert({ message: frappe.utils.escape_html(message), indicator: "green" });
				frm.reload_doc();
			} finally {
				dialog.enable_primary_action();
			}
		},
	});
	dialog.show();
}

frappe.ui.form.on("Pax8 Product", {
	async refresh(frm) {
		const { known_vendor, vendor } = frm.doc;
		if (!frm.doc.vendor_changed_on) return;
		const answer = await frappe.xcall(`${VENDORS_API}.overview`);
		const change = answer.changes.find((row) => row.known === known_vendor && row.vendor === (vendor || null));
		if (frm.doc.vendor !== vendor || !change) return;
		frm.set_intro(
			vendor
				? __("Vendor renamed at Pax8: known as {0}. Until it is confirmed, your rules for both names count.", [
						frappe.utils.escape_html(known_vendor),
				  ])
				: __("Pax8 names no vendor any more. Known as {0}.", [frappe.utils.escape_html(known_vendor)]),
			"orange"
		);
		if (change.may_confirm) frm.add_custom_button(__("Confirm Vendor"), () => confirm_vendor(frm, change));
	},
});
