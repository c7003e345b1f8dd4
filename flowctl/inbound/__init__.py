"""Mail that comes back, read and judged: bounces, complaints, unsubscribes, replies.

Pure: bytes in, a ``ReturnedMail`` out, no database and no network. Nothing here raises for a mail,
whatever it holds. ``reading`` recognizes what a mail is; ``mime`` takes it apart, ``status`` reads
delivery reports, ``reasons`` judges what a server said, ``ids`` finds which of our messages it is
about.
"""
