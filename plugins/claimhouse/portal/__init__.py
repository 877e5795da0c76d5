"""The readers' portal: dashboards for people who have no account of Airflow.

Comes in: names and passwords, or what an identity provider says of a person. Goes out: pages that read as that
person's login. May not know what is in a dashboard, nor read anything for a person but as that person's role.

- ``accounts``: who may sign in, and as which login each reads;
- ``sign_in``: whether a name and a password are those of an account;
- ``sessions``: who is signed in;
- ``provider``: people whom an OpenID Connect provider signs in;
- ``limit``: how many requests an address may make;
- ``application``: the pages; ``serve``: their process; ``commands``: the command line.
"""

from claimhouse.portal.accounts import logins_of
from claimhouse.portal.commands import main

__all__ = ["logins_of", "main"]
