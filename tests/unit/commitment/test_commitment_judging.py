"""Whether objects are safe: each case of what can be known of one."""

from __future__ import annotations

import pytest

from causeway.commitment.judging import SAFE, Decided, Promise, Undecided, judge
from causeway.ledger import AskedObject, InstanceState, KnownObject, SeriesState

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
Here, S = InstanceState, SeriesState


def known(
    state: InstanceState, series: SeriesState | None = S.OPEN, sop_class: str = CT
) -> KnownObject:
    return KnownObject(sop_class_uid=sop_class, state=state, series_state=series)


def of(*rows: KnownObject, position: int = 0) -> AskedObject:
    return AskedObject(
        position=position, sop_class_uid=CT, sop_instance_uid="2.25.1", reason=None, known=rows
    )


WAITS = None
CASES = [
    # What is known of it; the reason if the spool's word counts; and if that of destinations does.
    ((), 0x0112, 0x0112),
    ((known(Here.INDEXED),), SAFE, WAITS),
    ((known(Here.CLEANED, S.PACKAGED),), SAFE, WAITS),
    ((known(Here.DELIVERED, S.SETTLED),), SAFE, SAFE),
    ((known(Here.RETIRED, S.SETTLED),), SAFE, SAFE),
    ((known(Here.DELIVERED, S.REOPENED),), SAFE, SAFE),
    ((known(Here.INDEXED, S.HELD),), SAFE, WAITS),
    ((known(Here.INDEXED, S.DEAD),), SAFE, WAITS),
    ((known(Here.INDEXED, S.DENIED),), SAFE, 0x0110),
    ((known(Here.QUARANTINED, None),), 0x0110, 0x0110),
    ((known(Here.DISCARDED, None),), 0x0110, 0x0110),
    ((known(Here.DELIVERED), known(Here.DUPLICATE, None)), SAFE, SAFE),
    ((known(Here.DELIVERED), known(Here.QUARANTINED, None)), 0x0110, 0x0110),
    ((known(Here.DELIVERED), known(Here.INDEXED)), SAFE, WAITS),
    ((known(Here.DELIVERED, sop_class=MR),), 0x0119, 0x0119),
]


@pytest.mark.parametrize(("rows", "spool", "delivered"), CASES)
def test_each_case(rows: tuple[KnownObject, ...], spool: int | None, delivered: int | None):
    for promise, expected in ((Promise.SPOOL, spool), (Promise.DELIVERED, delivered)):
        found = judge([of(*rows)], promise, out_of_patience=False)
        if expected is None:
            assert isinstance(found, Undecided)
            assert judge([of(*rows)], promise, out_of_patience=True) == Decided({0: 0x0110})
        else:
            assert found == Decided({0: expected})
            assert judge([of(*rows)], promise, out_of_patience=True) == found


def test_all_are_decided_together():
    here, gone = of(known(Here.DELIVERED)), of(position=1)
    late = of(known(Here.INDEXED), position=2)
    assert judge([here, gone], Promise.DELIVERED, out_of_patience=False) == Decided(
        {0: SAFE, 1: 0x0112}
    )
    found = judge([here, gone, late], Promise.DELIVERED, out_of_patience=False)
    assert found == Undecided("1 of 3 objects that are still to be delivered")
