"""Pending Client Approval and scheduled changes: new states and steps of the Workflow."""

from msp_licensing.setup import workflow


def execute() -> None:
	workflow.make_workflow()
	workflow.extend_workflow()
