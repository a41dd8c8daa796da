"""The entrance by hand: files of a folder, a ZIP or a CD into the spool, as if they had arrived.

``finding`` says what there is to import, ``storing`` brings it into the spool. From the receipt on
there is one path: what is imported is indexed, completed, decided about and delivered like what a
scanner sends. An import that was cut off is begun anew, and passes over what is here already.
"""
