"""What became of messages after they were sent: texts, as Twilio tells (``texts``), and the mail
that came back (``mail``)."""
