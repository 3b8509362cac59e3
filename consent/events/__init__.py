"""Events for server-side tools: sent by this website's server, and only with consent.

An app of its own: add ``consent.events`` to INSTALLED_APPS. `tracking` and `decisions` say what is
sent, `outbox` stores it in the caller's transaction, `delivery` sends due events in `batch`es, and
`consent_check` says whether the visitor's consent still covers it. `http_client`, `network` and
`endpoints` lead to the receiver.
"""
