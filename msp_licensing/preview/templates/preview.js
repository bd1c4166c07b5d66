/* Changing the company or the policy shows the page anew; every answer to the client's dialog shows the decision. */
(() => {
	const form = document.querySelector("[data-policy]");
	for (const field of form.querySelectorAll('input[type="checkbox"], [name="company"]')) {
		field.addEventListener("change", () => {
			if (field.name === "company") form.elements.try.value = "";
			form.requestSubmit();
		});
	}
	document.getElementById("licensing").addEventListener("licensing:checked", (event) => {
		const box = document.querySelector("[data-decision]");
		box.innerHTML = event.detail.staff;
		box.classList.add("pv-decided");
	});
})();
