"""DocTypes of the module "MSP Licensing"; imported as `msp_licensing.msp_licensing.doctype` only.

Under the short path every controller would exist twice, as two classes that do not know each other.
"""

if __name__ == "msp_licensing.doctype":
	raise ImportError("import msp_licensing.msp_licensing.doctype, not msp_licensing.doctype")
