"""The Frappe module "MSP Licensing", whose files live in the app's own folder.

Frappe looks for the DocTypes of a module in `<app>/<module>/doctype`, and writes there in developer mode. This
package points its `__path__` and `__file__` at the app's folder, so that they live in `msp_licensing/doctype/`.
A package is needed: a plain module file would be shadowed by the folder that developer mode creates.
"""

import os

__path__ = [os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]
__file__ = os.path.join(__path__[0], "__init__.py")
