// Fields that take a currency: licensing managers need no right to read Currency for them.

frappe.provide("msp_licensing");

/** Offers the site's currencies in fields of a form (`fields`) and in the column `currency` of its tables (`tables`). */
msp_licensing.offer_currencies = async function (frm, { fields = [], tables = [] }) {
	const currencies = await (msp_licensing.currencies ??= frappe.xcall("msp_licensing.desk.settings.currencies"));
	for (const field of fields) frm.get_field(field).set_data(currencies);
	for (const table of tables) {
		frm.get_field(table).grid.update_docfield_property("currency", "options", currencies.join("\n"));
	}
};
