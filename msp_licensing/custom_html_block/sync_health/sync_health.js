// Runs inside a function of Frappe's, which gives it `root_element`, the block's shadow root.
const REFRESH_MS = 60000;
const health = root_element.querySelector(".health");
const $ = (selector) => health.querySelector(selector);

function element(tag, text, attributes = {}) {
	const made = document.createElement(tag);
	made.textContent = text; // never HTML: problems carry words of Pax8
	for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
	return made;
}

function show({ color, title, notes, kinds, action }) {
	health.dataset.color = color;
	$(".title").textContent = title;
	$(".notes").replaceChildren(...notes.map((note) => element("p", note)));
	$(".kinds").replaceChildren(
		...kinds.map((kind) => {
			const item = element("span", "", {
				class: "kind",
				title: kind.hint,
				"data-color": kind.color,
				"data-kind": kind.kind,
			});
			item.append(
				element("span", "", { class: "dot" }),
				element("b", kind.label),
				element("span", kind.age)
			);
			return item;
		})
	);
	const button = $(".action");
	button.hidden = !action;
	button.textContent = action?.label || "";
	button.onclick = () => {
		if (action.filters) frappe.route_options = action.filters;
		frappe.set_route(action.route);
	};
}

async function load() {
	if (!health.isConnected) return; // the page was left: Frappe makes a new block when it is shown again
	if (!document.hidden) {
		try {
			show(await frappe.xcall("msp_licensing.desk.sync.overview"));
		} catch {
			health.dataset.color = "gray";
			$(".title").textContent = __("How fresh the data is could not be found out.");
		}
	}
	setTimeout(load, REFRESH_MS);
}

load();
