"""Findings: cookies, storage keys and hosts that were seen on the site and that no tool declares.

An app of its own: add ``consent.findings`` to INSTALLED_APPS. `middleware` sees the names of
cookies, `sightings` keeps what was seen in the process and has it stored in the background, and
`naming` takes identifiers out of names before they are stored. No value of a cookie is read, and
nothing is kept about the visitor. `vendors` says what recipes know of a name.
"""
