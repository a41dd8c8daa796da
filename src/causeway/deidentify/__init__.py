"""De-identification by PS3.15 Annex E: what names a person is removed, and that is proven.

The life of an object in here: a *gate* asks whether its kind may pass at all (``pixels``), a *plan*
says what becomes of each attribute (``profile``), the *editor* applies it to the bytes (``edit``),
and the *proof* searches what came out for what was taken away (``proof``). Any doubt on the way
ends in quarantine.

Nothing here knows the service: ``causeway deidentify`` works on plain files by the same code.
"""
