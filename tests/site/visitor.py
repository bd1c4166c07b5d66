"""A browser without a screen, for tests that talk HTTP to the site."""

import re


class Visitor:
	"""A browser without a screen: cookies, and the token that the page gave."""

	def __init__(self, base: str) -> None:
		import httpx

		self.http = httpx.Client(base_url=base, timeout=60, headers={"X-Forwarded-For": "127.0.0.1"})
		self.token = ""

	def sign_in(self, user: str) -> "Visitor":
		from msp_licensing.setup.demo import PASSWORD

		answer = self.http.post("/api/method/login", data={"usr": user, "pwd": PASSWORD})
		assert answer.status_code == 200, answer.text
		return self

	def page(self, query: str = ""):
		answer = self.http.get("/licensing" + query)
		found = re.search(r'frappe\.csrf_token = "(\w+)"', answer.text)
		self.token = found.group(1) if found else ""
		return answer

	def post(self, path: str, arguments: dict, *, token: str | None = None):
		headers = {
			"Accept": "application/json",
			"X-Frappe-CSRF-Token": self.token if token is None else token,
		}
		return self.http.post(path, json=arguments, headers=headers)
