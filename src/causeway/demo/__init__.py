"""The demo: a connector on this machine, a few studies sent to it, and what became of them.

``python -m causeway.demo`` starts ``causeway run`` for real, with a configuration of its own in a
folder of its own, and plays the scanners. Everything that it shows is read from the ledger, and at
the end from the delivered files.
"""
