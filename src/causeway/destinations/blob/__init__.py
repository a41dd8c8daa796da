"""Objects in buckets, whoever keeps them: one protocol, and what is done over it."""
