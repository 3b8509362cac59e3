"""A module for each solution: its URLs, ``seed(tools)``, and ``cookie(visitor)``.

`seed` fills the database; `cookie` returns the Cookie header that a visitor sends, or nothing.
To be imported once the settings are there.
"""
