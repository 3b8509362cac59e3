"""The REST API: the only part that imports Django REST framework."""
