"""Storage commitment, as it is asked of us (PS3.4 annex J): taken, judged, reported.

::

    receiver: N-ACTION ──▶ desk ──▶ letter, durable ──▶ 0x0000
    pipeline: letter ──▶ ledger ──▶ judged, once all of it can be ──▶ N-EVENT-REPORT

The receiver's side (``desk``, ``letters``) knows no ledger and nothing here is imported by the
package itself, so that a receiver starts as quickly as before. Reports that come to us, on what our
own destinations asked for, take the same way in.
"""
