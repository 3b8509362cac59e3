"""Events for server-side tools: written with what they tell of, sent later, and only with consent.

`writing` puts them into the caller's transaction; `delivering` sends what is due and asks
`permitting` whether the visitor's consent still covers it; `posting` is the way to the receiver.
"""
