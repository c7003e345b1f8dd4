"""Files of leads and of opt-outs, read and imported."""
