"""The policy in force: compiled once, kept in the process, and what a decision makes of it."""
