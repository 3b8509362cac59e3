"""Decisions under load: through the app's view, on PostgreSQL and gunicorn, beside a bare insert.

`cluster` is the database server, `websites` what runs under gunicorn (`wsgi`, `bare`), `throughput`
asks both in turn, and `outage` stops the database in the middle of it.
"""
