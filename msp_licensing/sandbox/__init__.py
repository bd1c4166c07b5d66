"""A stand-in Pax8 server with state: for demonstrations, tests and benchmarks.

Written from Pax8's published OpenAPI files alone. It shares no code with the Pax8 client, so that a
misreading there cannot hide here, and needs nothing beyond the standard library.

	from msp_licensing.sandbox import Sandbox, storybook

	with Sandbox(seed=1, companies=5, products=30, subscriptions=60) as sandbox:
		...  # point a client at sandbox.url
"""

from msp_licensing.sandbox import storybook
from msp_licensing.sandbox.app import App
from msp_licensing.sandbox.config import SandboxConfig
from msp_licensing.sandbox.server import Sandbox

__all__ = ["App", "Sandbox", "SandboxConfig", "storybook"]
