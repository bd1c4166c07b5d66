const ACTIONS = ["Show", "Hide", "Feature", "Unfeature", "Always Require Approval", "No Longer Require Approval"];

frappe.listview_settings["Pax8 Product"] = {
	add_fields: ["visible", "featured", "hold_changes", "discontinued", "has_retail_price", "currency", "usage_class"],
	hide_name_column: true,
	get_indicator(doc) {
		if (doc.discontinued) return [__("No longer at Pax8"), "gray", "discontinued,=,1"];
		if (doc.visible && doc.featured) return [__("Featured"), "yellow", "featured,=,1|visible,=,1"];
		if (doc.visible) return [__("Visible"), "green", "visible,=,1"];
		return [__("Hidden"), "gray", "visible,=,0"];
	},
	formatters: {
		category: (value) => `<span>${frappe.utils.escape_html(value || "—")}</span>`,
		retail_price_from(value, df, doc) {
			if (doc.usage_class === "Usage") return `<span class="text-muted">${__("by usage")}</span>`;
			if (!doc.has_retail_price) return '<span class="text-muted">—</span>';
			// Pax8 names no currency: without one from a subscription, the number stands alone.
			const price = doc.currency ? format_currency(value, doc.currency) : format_number(value, null, 2);
			return `<span>${price}</span>`;
		},
	},
	onload(listview) {
		if (!frappe.user.has_role("Licensing Manager")) return;
		for (const action of ACTIONS) {
			listview.page.add_actions_menu_item(__(action), () => act(listview, action), false);
		}
	},
};

async function act(listview, action) {
	const names = JSON.stringify(listview.get_checked_items(true));
	const answer = await frappe.xcall("msp_licensing.desk.catalog.act", { names, action });
	const { changed, hidden } = answer;
	frappe.show_alert({
		message: msp_licensing.plural(changed, __("{0} product changed", [changed]), __("{0} products changed", [changed])),
		indicator: "green",
	});
	listview.clear_checked_items();
	listview.refresh();
	if (answer.hidden.length) {
		frappe.confirm(
			msp_licensing.plural(
				hidden.length,
				__("This product is featured now, but hidden: clients do not see it. Show it, too?"),
				__("{0} featured products are hidden: clients do not see them. Show them, too?", [hidden.length])
			),
			async () => {
				await frappe.xcall("msp_licensing.desk.catalog.act", {
					names: JSON.stringify(answer.hidden),
					action: "Show",
				});
				listview.refresh();
			}
		);
	}
}
