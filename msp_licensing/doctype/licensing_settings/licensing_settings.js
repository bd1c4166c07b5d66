const API = "msp_licensing.desk";
const esc = (text) => frappe.utils.escape_html(text == null ? "" : String(text));

frappe.ui.form.on("Licensing Settings", {
	setup(frm) {
		frm.set_query("client_doctype", () => ({ filters: { name: ["in", ["Customer", "MSP Client"]] } }));
		frm.set_query("limit_currency", () => `${API}.settings.currencies`);
		frm.set_query("currency", "spike_minimums", () => `${API}.settings.currencies`);
	},

	after_save(frm) {
		frappe.boot.msp_licensing.client_doctype = frm.doc.client_doctype;
	},

	refresh(frm) {
		frm.toggle_display("vendor_overrides", false);
		show_banners(frm);
		explain(frm);
		show_vendors(frm);
		frm.catalog ? frm.catalog.load() : (frm.catalog = new msp_licensing.ProductCatalog(frm));
		frm.rules ? frm.rules.load() : (frm.rules = new msp_licensing.SelfServiceRules(frm));
	},
});

// What the approval settings mean is told anew with each of these.
const APPROVAL = [
	"require_approval_by_default",
	"use_auto_approve_threshold",
	"auto_approve_threshold",
	"threshold_may_release",
	"decreases_need_approval",
	"free_seats",
	"window_days",
	"limit_per_change",
	"limit_per_month",
	"limit_currency",
	"client_price_from",
	"client_price_markup",
	"use_client_approval",
	"client_approval_above",
];
frappe.ui.form.on("Licensing Settings", Object.fromEntries(APPROVAL.map((field) => [field, (frm) => explain(frm)])));

// ------------------------------------------------------------------------------------ banners

async function show_banners(frm) {
	const banner = await frappe.xcall(`${API}.settings.banner`);
	for (const field of ["approval_banner", "catalog_banner", "self_service_banner"]) {
		const $wrapper = frm.get_field(field).$wrapper.empty();
		frm.toggle_display(field, Boolean(banner));
		if (!banner) continue;
		const $banner = $(`<div class="form-message ${banner.color} d-flex justify-content-between align-items-center"
			role="alert"><div>${esc(banner.message)}</div></div>`).appendTo($wrapper);
		$(`<button class="btn btn-default btn-sm ml-3 text-nowrap">${esc(banner.action)}</button>`)
			.on("click", () => {
				frappe.route_options = banner.filters || null;
				frappe.set_route(...banner.route);
			})
			.appendTo($banner);
	}
}

// ------------------------------------------------------------------------------------ approval

// What is in the form counts, saved or not; a slow answer to what was there before is dropped.
const explain = frappe.utils.debounce(async (frm) => {
	const asked = (frm.explanations = (frm.explanations || 0) + 1);
	const values = Object.fromEntries(APPROVAL.map((field) => [field, frm.doc[field]]));
	const sentences = await frappe.xcall(`${API}.settings.explain`, { settings: JSON.stringify(values) });
	if (asked !== frm.explanations) return;
	frm.get_field("approval_meaning_html").$wrapper.html(
		`<div class="form-message blue" aria-live="polite">
			<div class="bold mb-1">${__("What this means")}</div>
			${sentences.map((sentence) => `<div>${esc(sentence)}</div>`).join("")}
		</div>`
	);
}, 250);

// As rules/values.py compares names: letters and digits only.
const vendor_key = (vendor) =>
	(vendor || "").normalize("NFKC").toLowerCase().replace(/ß/g, "ss").replace(/[^\p{L}\p{N}]/gu, "");

async function show_vendors(frm) {
	frm.vendors = await frappe.xcall(`${API}.settings.vendors`);
	const $wrapper = frm.get_field("vendor_badges_html").$wrapper.empty();
	frm.vendor_changes = $('<div class="vendor-changes"></div>').appendTo($wrapper);
	show_vendor_changes(frm);
	const search = __("Search vendors");
	frm.vendor_search = $('<input type="search" class="form-control input-xs mb-3" style="max-width: 260px">')
		.attr({ placeholder: search, "aria-label": search })
		.on("input", () => draw_vendors(frm))
		.appendTo($wrapper);
	frm.vendor_badges = $('<div class="d-flex flex-wrap" style="gap: 8px"></div>').appendTo($wrapper);
	draw_vendors(frm);
}

const show_vendor_changes = frappe.utils.debounce((frm) => {
	const { vendor_overrides, return_windows } = frm.doc;
	msp_licensing.show_vendor_changes(frm, frm.vendor_changes, { vendor_overrides, return_windows });
}, 250);

frappe.ui.form.on("Licensing Return Window", { vendor: (frm) => show_vendor_changes(frm) });

function draw_vendors(frm) {
	const chosen = new Map((frm.doc.vendor_overrides || []).map((row) => [vendor_key(row.vendor), row]));
	const known = new Set(frm.vendors.map((row) => vendor_key(row.vendor)));
	// A vendor that was chosen stays, even if no sync knows it any more.
	const lost = [...chosen.values()]
		.filter((row) => !known.has(vendor_key(row.vendor)))
		.map((row) => ({ vendor: row.vendor, products: 0, subscriptions: 0 }));
	const wanted = vendor_key(frm.vendor_search.val());
	const all = [...lost, ...frm.vendors].filter((row) => vendor_key(row.vendor).includes(wanted));
	const first = all.filter((row) => wanted || row.subscriptions || chosen.has(vendor_key(row.vendor)));
	const shown = frm.all_vendors || !first.length ? all : first;

	frm.vendor_search.toggle(frm.vendors.length > 12);
	frm.vendor_badges.empty();
	for (const row of shown) vendor_badge(frm, row, chosen.get(vendor_key(row.vendor))).appendTo(frm.vendor_badges);
	if (shown.length < all.length) {
		$(`<button type="button" class="btn btn-link btn-sm">${__("Show {0} more", [all.length - shown.length])}</button>`)
			.on("click", () => {
				frm.all_vendors = true;
				draw_vendors(frm);
			})
			.appendTo(frm.vendor_badges);
	}
	if (!all.length) {
		frm.vendor_badges.html(
			`<span class="text-muted">${
				wanted ? __("No vendor of that name.") : __("Vendors appear here once products are synced.")
			}</span>`
		);
	}
}

function vendor_badge(frm, row, override) {
	const on = Boolean(override);
	const { products, subscriptions } = row;
	const title = [
		msp_licensing.plural(products, __("{0} product", [products]), __("{0} products", [products])),
		msp_licensing.plural(
			subscriptions,
			__("{0} subscription", [subscriptions]),
			__("{0} subscriptions", [subscriptions])
		),
	].join(", ");
	return $(`<button type="button" class="btn btn-sm ${on ? "btn-primary" : "btn-default"}" style="border-radius: 999px"
		aria-pressed="${on}" title="${title}">${on ? "✓ " : ""}${esc(row.vendor)}</button>`)
		.prop("disabled", !frm.perm[0]?.write)
		.on("click", () => {
			if (override) {
				frappe.model.clear_doc(override.doctype, override.name);
			} else {
				frm.add_child("vendor_overrides", { vendor: row.vendor });
			}
			frm.dirty();
			frm.refresh_field("vendor_overrides");
			show_vendor_changes(frm);
			draw_vendors(frm);
			frm.vendor_badges.find(`button`).filter((_, el) => el.textContent.endsWith(row.vendor)).trigger("focus");
		});
}
