"""Everything that the app writes into a page.

`FUNCTIONS` are the template functions for Jinja2 and other engines; `csp_sources`, `extended_csp`
and `extend_header` are for sites that write a Content-Security-Policy themselves; `delivery_mode`
says how tools reach the browser.
"""

from consent.pages.csp import csp_sources, extend_header, extended_csp
from consent.pages.delivery import DELIVERY_MODES, Delivery, delivery_mode
from consent.pages.template_functions import FUNCTIONS

__all__ = [
    "DELIVERY_MODES",
    "FUNCTIONS",
    "Delivery",
    "csp_sources",
    "delivery_mode",
    "extend_header",
    "extended_csp",
]
