"""A website's data-collection policy: which third-party tools run for which visitor."""

__version__ = "0.1.0"
