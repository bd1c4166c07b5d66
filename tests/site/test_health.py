"""How fresh the data is, why it is not, and that people are told of it once."""

from msp_licensing.sandbox import storybook

RUN = "Pax8 Sync Run"


def sync(kind):
	from msp_licensing.sync import jobs

	return jobs.run(kind, trigger="Manual")


# ------------------------------------------------------------------------------------ what a run leaves behind


def test_a_run_says_whether_its_walk_came_to_the_end(site, sandbox):
	sandbox.change("subscriptions", storybook.CEDAR_KEEPER, quantity=10.5)
	one_row_odd = site.get_doc(RUN, sync("Subscriptions"))
	assert (one_row_odd.status, one_row_odd.reached_end, one_row_odd.trouble) == ("Incomplete", 1, None)

	sandbox.faults.add("status", "findCompanies", status=403, count=1)
	broken_off = site.get_doc(RUN, sync("Companies"))
	assert (broken_off.reached_end, broken_off.trouble) == (0, "Forbidden")


def test_a_run_says_that_the_credentials_were_refused(site, sandbox):
	settings = site.get_doc("Pax8 Settings")
	settings.client_secret = "wrong"
	settings.save()
	site.db.commit()
	site.cache.delete_keys("msp_licensing:pax8_token")
	run = site.get_doc(RUN, sync("Companies"))
	assert (run.status, run.trouble) == ("Failed", "AuthenticationFailed")
