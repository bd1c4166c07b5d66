const API = "msp_licensing.desk";
const PAGE = 25;
const esc = (text) => frappe.utils.escape_html(text == null ? "" : String(text));
const is_manager = () => frappe.user.has_role("Licensing Manager");

frappe.ui.form.on("Licensing Settings", {
	setup(frm) {
		frm.set_query("client_doctype", () => ({ filters: { name: ["in", ["Customer", "MSP Client"]] } }));
	},

	refresh(frm) {
		frm.toggle_display("vendor_overrides", false);
		show_banners(frm);
		explain(frm);
		show_vendors(frm);
		frm.catalog ? frm.catalog.load() : (frm.catalog = new Catalog(frm));
		frm.rules ? frm.rules.load() : (frm.rules = new Rules(frm));
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

const vendor_key = (vendor) => (vendor || "").trim().replace(/\s+/g, " ").toLowerCase();

async function show_vendors(frm) {
	frm.vendors = await frappe.xcall(`${API}.settings.vendors`);
	const $wrapper = frm.get_field("vendor_badges_html").$wrapper.empty();
	frm.vendor_search = $(
		`<input type="search" class="form-control input-xs mb-3" style="max-width: 260px"
			placeholder="${__("Search vendors")}" aria-label="${__("Search vendors")}">`
	)
		.on("input", () => draw_vendors(frm))
		.appendTo($wrapper);
	frm.vendor_badges = $('<div class="d-flex flex-wrap" style="gap: 8px"></div>').appendTo($wrapper);
	draw_vendors(frm);
}

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
	const title = __("{0} products, {1} subscriptions", [row.products, row.subscriptions]);
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
			draw_vendors(frm);
			frm.vendor_badges.find(`button`).filter((_, el) => el.textContent.endsWith(row.vendor)).trigger("focus");
		});
}

// ------------------------------------------------------------------------------------ tables

/** A table that is searched, filtered and paged on the server; the newest answer wins. */
class PagedTable {
	constructor(frm, field) {
		this.frm = frm;
		this.start = 0;
		this.asked = 0;
		this.$wrapper = frm.get_field(field).$wrapper.empty();
		this.$toolbar = $('<div class="d-flex flex-wrap align-items-center mb-3" style="gap: 8px"></div>').appendTo(
			this.$wrapper
		);
		this.$above = $("<div></div>").appendTo(this.$wrapper);
		this.$body = $('<div class="table-responsive"></div>').appendTo(this.$wrapper);
		this.$footer = $(
			'<div class="d-flex justify-content-between align-items-center text-muted small mb-4"></div>'
		).appendTo(this.$wrapper);
		this.search = frappe.utils.debounce(() => this.filter(), 300);
	}

	add_search(label) {
		this.$search = $(
			`<input type="search" class="form-control input-xs" style="max-width: 220px" placeholder="${label}" aria-label="${label}">`
		)
			.on("input", this.search)
			.appendTo(this.$toolbar);
	}

	add_select(label, options) {
		return $(`<select class="form-control input-xs" style="max-width: 190px" aria-label="${label}">
			<option value="">${label}</option>
			${options.map((option) => `<option value="${esc(option)}">${esc(__(option))}</option>`).join("")}
		</select>`)
			.on("change", () => this.filter())
			.appendTo(this.$toolbar);
	}

	add_check(label) {
		const $label = $(`<label class="mb-0 small d-flex align-items-center" style="gap: 4px">
			<input type="checkbox" class="m-0"> ${label}</label>`).appendTo(this.$toolbar);
		return $label.find("input").on("change", () => this.filter());
	}

	filter() {
		this.start = 0;
		this.load();
	}

	async load() {
		const asked = ++this.asked;
		const answer = await frappe.xcall(this.method, { ...this.args(), start: this.start, page_length: PAGE });
		if (asked !== this.asked) return;
		this.rows = answer.rows;
		this.total = answer.total;
		this.draw();
		this.draw_footer();
	}

	draw_footer() {
		this.$footer.empty();
		if (!this.total) return;
		const last = this.start + this.rows.length;
		$(`<span>${__("{0} – {1} of {2}", [this.start + 1, last, this.total])}</span>`).appendTo(this.$footer);
		const $pages = $('<div class="btn-group"></div>').appendTo(this.$footer);
		const page = (label, start, enabled) =>
			$(`<button type="button" class="btn btn-default btn-xs">${label}</button>`)
				.prop("disabled", !enabled)
				.on("click", () => {
					this.start = start;
					this.load();
				})
				.appendTo($pages);
		page(__("Previous"), Math.max(0, this.start - PAGE), this.start > 0);
		page(__("Next"), this.start + PAGE, last < this.total);
	}
}

const ACTIONS = ["Show", "Hide", "Feature", "Unfeature", "Always Require Approval", "No Longer Require Approval"];

class Catalog extends PagedTable {
	constructor(frm) {
		super(frm, "catalog_html");
		this.method = `${API}.catalog.products`;
		this.ticked = new Set();
		this.make();
	}

	async make() {
		const facets = await frappe.xcall(`${API}.catalog.facets`);
		this.add_search(__("Search by product name"));
		this.$vendor = this.add_select(__("All vendors"), facets.vendors);
		this.$category = this.add_select(__("All categories"), facets.categories);
		this.$visibility = this.add_select(__("Visible and hidden"), facets.visibility);
		this.$owned = this.add_check(__("Owned by clients"));
		this.$show_owned = $('<button type="button" class="btn btn-default btn-sm ml-auto"></button>')
			.on("click", () => this.show_owned())
			.appendTo(this.$toolbar);
		this.draw_show_owned(facets.owned_hidden);
		this.load();
	}

	args() {
		return {
			search: this.$search.val(),
			vendor: this.$vendor.val(),
			category: this.$category.val(),
			visibility: this.$visibility.val(),
			owned: this.$owned.is(":checked"),
		};
	}

	async load() {
		if (this.$search) await super.load();
	}

	filter() {
		this.ticked.clear();
		super.filter();
	}

	draw() {
		if (!this.rows.length) {
			this.$body.html(`<div class="text-muted text-center p-5 border rounded mb-3">${
				Object.values(this.args()).some(Boolean)
					? __("No product matches.")
					: __("Products appear here after their first sync.")
			}</div>`);
			this.draw_bulk();
			return;
		}
		this.$body.html(`<table class="table table-hover mt-0 mb-2">
			<thead><tr class="text-muted small">
				<th style="width: 30px"><input type="checkbox" class="tick-all m-0" aria-label="${__("Select all on this page")}"></th>
				<th>${__("Product Name")}</th>
				<th style="width: 17%">${__("Vendor")}</th>
				<th style="width: 15%">${__("Category")}</th>
				<th class="text-right" style="width: 15%">${__("Retail Price")}</th>
				<th class="text-center" style="width: 70px">${__("Visible")}</th>
				<th class="text-center" style="width: 75px">${__("Featured")}</th>
			</tr></thead>
			<tbody>${this.rows.map((row) => this.row_html(row)).join("")}</tbody></table>`);
		this.listen();
		this.draw_bulk();
	}

	row_html(row) {
		const disabled = is_manager() ? "" : "disabled";
		const owned = row.owned
			? `<span class="badge badge-light ml-1" title="${__("Subscriptions of clients")}">${row.owned}</span>`
			: "";
		return `<tr data-name="${esc(row.name)}">
			<td><input type="checkbox" class="tick m-0" ${this.ticked.has(row.name) ? "checked" : ""}
				aria-label="${__("Select {0}", [esc(row.product_name)])}"></td>
			<td><a href="/app/pax8-product/${encodeURIComponent(row.name)}">${esc(row.product_name)}</a>${owned}
				${row.hold_changes ? `<span class="indicator-pill no-indicator-dot orange ml-1">${__("always waits")}</span>` : ""}</td>
			<td>${esc(row.vendor) || "—"}</td>
			<td>${esc(row.category) || "—"}</td>
			<td class="text-right text-nowrap">${price_html(row)}</td>
			<td class="text-center">${switch_html(row.visible, disabled)}</td>
			<td class="text-center">
				<button type="button" class="btn btn-link p-0 star" style="font-size: 17px; line-height: 1; text-decoration: none;
					color: var(--${row.featured ? "yellow-500" : "gray-400"})" aria-pressed="${Boolean(row.featured)}" ${disabled}
					title="${row.featured ? __("Featured: comes first") : __("Feature")}"
					aria-label="${__("Featured")}">${row.featured ? "★" : "☆"}</button>
				${row.featured && !row.visible ? `<div class="small text-muted">${__("hidden")}</div>` : ""}
			</td>
		</tr>`;
	}

	listen() {
		const name_of = (event) => $(event.currentTarget).closest("tr").attr("data-name");
		const $ticks = this.$body.find(".tick");
		const tick_all = () => {
			const all = this.rows.every((row) => this.ticked.has(row.name));
			this.$body.find(".tick-all").prop("checked", all);
		};
		$ticks.on("change", (event) => {
			event.currentTarget.checked ? this.ticked.add(name_of(event)) : this.ticked.delete(name_of(event));
			tick_all();
			this.draw_bulk();
		});
		this.$body.find(".tick-all").on("change", (event) => {
			for (const row of this.rows) {
				event.currentTarget.checked ? this.ticked.add(row.name) : this.ticked.delete(row.name);
			}
			$ticks.prop("checked", event.currentTarget.checked);
			this.draw_bulk();
		});
		tick_all();
		this.$body.find(".visible-switch").on("click", (event) => {
			const on = event.currentTarget.getAttribute("aria-checked") === "true";
			this.act([name_of(event)], on ? "Hide" : "Show");
		});
		this.$body.find(".star").on("click", (event) => {
			const on = event.currentTarget.getAttribute("aria-pressed") === "true";
			this.act([name_of(event)], on ? "Unfeature" : "Feature");
		});
	}

	draw_bulk() {
		this.$above.empty();
		const count = this.ticked.size;
		if (!count || !is_manager()) return;
		const $bar = $(`<div class="d-flex flex-wrap align-items-center p-2 mb-2 rounded border" style="gap: 8px">
			<span class="px-1" role="status">${__("{0} selected", [count])}</span></div>`).appendTo(this.$above);
		const button = (label, kind, action) =>
			$(`<button type="button" class="btn ${kind} btn-xs">${label}</button>`).on("click", action).appendTo($bar);
		const page_ticked = this.rows.length && this.rows.every((row) => this.ticked.has(row.name));
		if (page_ticked && count < this.total) {
			button(__("Select all {0} that match", [this.total]), "btn-link", async () => {
				this.ticked = new Set(await frappe.xcall(`${API}.catalog.matching`, this.args()));
				this.draw_bulk();
			});
		}
		for (const action of ACTIONS) {
			button(__(action), "btn-default", () => this.act([...this.ticked], action));
		}
		button(__("Clear selection"), "btn-link", () => {
			this.ticked.clear();
			this.draw();
		});
	}

	async act(names, action) {
		let changed = 0;
		const hidden = [];
		for (let at = 0; at < names.length; at += 500) {
			const part = names.slice(at, at + 500);
			const answer = await frappe.xcall(`${API}.catalog.act`, { names: JSON.stringify(part), action });
			changed += answer.changed;
			hidden.push(...answer.hidden);
		}
		if (names.length > 1) {
			frappe.show_alert({ message: __("{0} products changed", [changed]), indicator: "green" });
		}
		await this.load();
		this.renew_show_owned();
		if (action.endsWith("Approval")) explain(this.frm);
		if (hidden.length) this.warn_hidden(hidden);
	}

	warn_hidden(names) {
		frappe.confirm(
			names.length === 1
				? __("This product is featured now, but hidden: clients do not see it. Show it, too?")
				: __("{0} featured products are hidden: clients do not see them. Show them, too?", [names.length]),
			() => this.act(names, "Show")
		);
	}

	async renew_show_owned() {
		this.draw_show_owned((await frappe.xcall(`${API}.catalog.facets`)).owned_hidden);
	}

	draw_show_owned(count) {
		this.$show_owned.toggle(Boolean(count) && is_manager()).text(__("Show what clients already own ({0})", [count]));
	}

	async show_owned() {
		const count = await frappe.xcall(`${API}.catalog.show_owned`);
		frappe.show_alert({ message: __("{0} products are visible now", [count]), indicator: "green" });
		this.load();
		this.renew_show_owned();
	}
}

function switch_html(on, disabled) {
	return `<button type="button" role="switch" class="visible-switch" aria-checked="${Boolean(on)}" ${disabled}
		aria-label="${__("Visible")}" title="${on ? __("Visible to clients") : __("Hidden from clients")}"
		style="width: 28px; height: 16px; padding: 2px; border: 0; border-radius: 8px; vertical-align: middle;
			background: var(--${on ? "green-500" : "gray-400"})">
		<span style="display: block; width: 12px; height: 12px; border-radius: 50%; background: white;
			transform: translateX(${on ? 12 : 0}px)"></span></button>`;
}

/** "from 12.50 USD"; a price that is not known is never 0, and no currency is never the site's own. */
function price_html(row) {
	if (row.usage_class === "Usage") return `<span class="text-muted">${__("by usage")}</span>`;
	if (row.retail_price_from == null) return '<span class="text-muted">—</span>';
	const price = row.currency
		? format_currency(row.retail_price_from, row.currency)
		: format_number(row.retail_price_from, null, 2);
	const read_on = row.priced_on ? __("Read on {0}", [frappe.datetime.str_to_user(row.priced_on)]) : "";
	return `<span title="${esc(read_on)}"><span class="text-muted small">${__("from")}</span> ${esc(price)}</span>`;
}

// ------------------------------------------------------------------------------------ rules

class Rules extends PagedTable {
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

	async load() {
		if (this.$search) await super.load();
	}

	draw() {
		if (!this.rows.length) {
			this.$body.html(`<div class="text-muted text-center p-5 border rounded mb-3">${
				Object.values(this.args()).some(Boolean)
					? __("No subscription matches.")
					: __("Subscriptions of mapped companies appear here after their first sync.")
			}</div>`);
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
		const cell = (part) =>
			`<span class="${part.inherited ? "text-muted" : "bold"}" title="${
				part.inherited ? __("Inherited") : __("Set on this subscription")
			}">${esc(part.text)}</span>`;
		const dash = '<span class="text-muted">—</span>';
		const open = changes.allowed && !row.blocked;
		return `<tr tabindex="0" data-index="${index}" style="cursor: pointer">
			<td>${esc(row.client)}</td>
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
}

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
		const dialog = new frappe.ui.Dialog({
			title: __("Self-Service Rule"),
			fields: [
				{
					fieldtype: "HTML",
					options: `<p><b>${esc(row.product_name)}</b><br>
						<span class="text-muted">${esc(row.client)} · ${__("{0} licenses", [row.quantity])}</span></p>`,
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
