"""Sending what is due: claim, render, begin, send, record.

::

    claim ──> render ──> begin ──> send ──> record
      │                    │
      │                    └─ the intent is committed: a crash from here on is an unknown outcome
      └─ a lease: a crash before begin makes the message due again

One coordinator talks to the database; senders, as many as the concurrency, talk to the provider.
At most that many messages are begun and not recorded at any moment.
"""
