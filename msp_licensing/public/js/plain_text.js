/* Texts of this app's records are plain text: stored as typed, escaped where they are shown. Frappe's own screens take
   most texts for markup; here they learn better, for the DocTypes of this app and for no others. Comes with the meta of
   each of them (hooks.py, doctype_list_js), before any list, form or report of it is drawn. */

frappe.provide("msp_licensing.plain_text");

(() => {
	const MODULE = "MSP Licensing";
	const TEXTS = ["Data", "Small Text", "Text", "Long Text", "JSON", "Code"];
	const LINKS = ["Link", "Dynamic Link"];
	const seen = (msp_licensing.plain_text.seen ??= new Set());

	const esc = (text) => (text == null ? "" : frappe.utils.escape_html(String(text)));
	const is_ours = (doctype) => frappe.get_meta(doctype)?.module === MODULE;

	/** A value of a text field as HTML. A form hands over read-only Data that it has escaped already. */
	function text_html(value, df, options, doc) {
		if (value == null) return "";
		const typed = doc?.[df.fieldname];
		const escaped = typeof typed === "string" && value !== typed && value === esc(typed) ? value : esc(value);
		return df.fieldtype === "Data" ? escaped : escaped.replace(/\r?\n/g, "<br>");
	}

	/** A link as HTML: Frappe escapes titles where it makes a link of them, and nowhere else. */
	function link_html(value, df, options, doc) {
		const doctype = df._options || df.options;
		const shown = frappe.form.formatters.Link(value, df, options, doc);
		const is_text = options?.for_print || options?.only_value || !doctype || !frappe.model.can_read(doctype);
		return is_text ? esc(shown) : shown;
	}

	/** A cell of a list. Frappe's own escapes what its tooltip says twice. */
	function cell_html(value, df) {
		const html = esc(value);
		return `<span class="ellipsis" title="${esc(__(df.label, null, df.parent))}: ${html}">
			<a class="filterable ellipsis" data-filter="${df.fieldname},=,${html}">${html}</a></span>`;
	}

	function learn(doctype) {
		const meta = frappe.get_meta(doctype);
		const fields = Object.values(frappe.meta.docfield_map[doctype] || {});
		for (const df of fields) {
			if (TEXTS.includes(df.fieldtype)) df.formatter = text_html;
			else if (LINKS.includes(df.fieldtype)) df.formatter = link_html;
		}
		if (meta.istable) return;
		const settings = (frappe.listview_settings[doctype] ??= {});
		const cells = fields.filter((df) => TEXTS.includes(df.fieldtype) && df.fieldname !== meta.title_field);
		settings.formatters = {
			...Object.fromEntries(cells.map((df) => [df.fieldname, cell_html])),
			...settings.formatters,
		};
		if (seen.has(doctype)) return;
		seen.add(doctype);
		frappe.ui.form.on(doctype, { refresh: refresh_form });
	}

	/** Title and history of a form: Frappe takes everything between < and > out of them. */
	function refresh_form(frm) {
		const field = frm.meta.title_field;
		if (field && !frm.is_new()) {
			const title = frm.doc[field] || frm.docname;
			frm.page.$title_area.find(".title-text").text(title).attr("title", title);
		}
		const { timeline } = frm;
		if (!timeline?.get_version_timeline_contents || timeline.shows_plain_text) return;
		const show = timeline.get_version_timeline_contents;
		timeline.get_version_timeline_contents = function () {
			const { versions } = this.doc_info;
			try {
				this.doc_info.versions = (versions || []).map(escaped_version);
				return show.call(this);
			} finally {
				this.doc_info.versions = versions;
			}
		};
		timeline.shows_plain_text = true;
		timeline.refresh();
	}

	function escaped_version(version) {
		const data = JSON.parse(version.data || "null");
		// Frappe stores printed values here: HTML with <br> at the end of a line. Values of Code fields are stored as typed.
		const is_html = (value) => !/[<>]/.test(value.replaceAll("<br>", ""));
		const as_html = (value) => (typeof value === "string" && !is_html(value) ? esc(value) : value);
		const escape_values = (row) => [row[0], ...row.slice(1).map(as_html)];
		if (data?.changed) data.changed = data.changed.map(escape_values);
		for (const row of data?.row_changed || []) row[3] = row[3].map(escape_values);
		return { ...version, data: JSON.stringify(data) };
	}

	/** Replaces a method of one of Frappe's classes, once, for the DocTypes of this app. */
	function teach(owner, method, better) {
		const own = owner?.prototype?.[method];
		if (!own || own.shows_plain_text) return;
		owner.prototype[method] = function (...args) {
			return better.call(this, own, ...args);
		};
		owner.prototype[method].shows_plain_text = true;
	}

	// "Group By" beside a list puts each value into the page as it is.
	teach(frappe.views.ListGroupBy, "get_dropdown_html", function (own, field, ...rest) {
		if (!is_ours(this.doctype) || typeof field.name !== "string") return own.call(this, field, ...rest);
		const html = own.call(this, { ...field, name: esc(field.name) }, ...rest);
		return html.replace(encodeURIComponent(esc(field.name)), () => encodeURIComponent(field.name));
	});

	// Later versions of Frappe put the title of a link into a cell of the report builder as it is.
	teach(frappe.views.ReportView, "get_link_title_field_value", async function (own, doctype, name) {
		const title = await own.call(this, doctype, name);
		return is_ours(doctype) ? title && esc(title) : title;
	});

	/** The text for a count, of two that are translated: the one for 1 and the one for every other number. */
	msp_licensing.plural = (count, one, more) => (Number(count) === 1 ? one : more);

	for (const doctype of Object.keys(frappe.meta.docfield_map)) {
		if (is_ours(doctype)) learn(doctype);
	}
})();
