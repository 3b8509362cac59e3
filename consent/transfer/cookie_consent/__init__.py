"""Takes over what the app django-cookie-consent has stored: its groups and cookies.

`groups` reads its tables, `keys` and `document` make a policy's document of them, which is then
imported as any file is; `carried` says which choices its visitors can keep.
"""

from consent.transfer.cookie_consent.migrating import Migration, migrate

__all__ = ["Migration", "migrate"]
