"""Oddersay Ferry: the smallest real website on ``consent``."""
