"""Drip messaging for leads that lives in the user's own Postgres.

The database guarantees: it schedules a lead's messages in the lead's own transaction, keeps one row
per lead and step, hands out claims and owns the only clock. This package reads files, talks to
providers and to people.
"""

__version__ = "0.1.0"
