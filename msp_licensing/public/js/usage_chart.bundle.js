/* The chart of the portal's usage page, with the charting library that Frappe ships. The page loads this only where there
   is a chart; what it shows stands in a table below, too. */
import { Chart } from "frappe-charts/dist/frappe-charts.esm";

const COLOURS = ["#1f6feb", "#b35900", "#1a7f37", "#8250df", "#bf3989", "#6e7781", "#0e7490"];

const figure = document.querySelector("[data-usage-chart]");
const data = document.querySelector("[data-usage-chart-data]");

// The library puts names into its markup: these come from vendors.
const harmless = (text) => text.replaceAll("<", "‹").replaceAll(">", "›").replaceAll("&", "＆");

function draw() {
	const told = JSON.parse(data.textContent);
	const box = document.createElement("div");
	figure.hidden = false;
	figure.replaceChildren(box, key_of(told.datasets));
	new Chart(box, {
		type: "bar",
		height: 260,
		animate: 0,
		disableEntryAnimation: 1,
		colors: COLOURS,
		truncateLegends: 1,
		showLegend: 0,
		barOptions: { stacked: 1, spaceRatio: 0.3 },
		axisOptions: { xAxisMode: "tick", xIsSeries: 1, shortenYAxisNumbers: 1 },
		tooltipOptions: { formatTooltipX: (label) => day_of(told, label) },
		data: {
			labels: told.labels,
			datasets: told.datasets.map((one) => ({ name: harmless(one.name), values: one.values })),
		},
	});
}

function day_of(told, label) {
	const place = told.labels.indexOf(String(label));
	return place < 0 ? label : harmless(`${told.days[place]}: ${told.texts[place]}`);
}

/* Which colour is which group. The library's own legend cuts names short. */
function key_of(datasets) {
	const list = document.createElement("ul");
	list.className = "lic-key";
	datasets.forEach((one, place) => {
		const item = document.createElement("li");
		const colour = document.createElement("i");
		colour.style.background = COLOURS[place % COLOURS.length];
		item.append(colour, document.createTextNode(one.name));
		list.append(item);
	});
	return list;
}

if (figure && data) draw();
