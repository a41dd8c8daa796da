"""PULL: nodes are asked what they have, it is compared with what is known, and brought here.

::

    asking      questions in windows, answers in full or not at all
    known       what was known of studies, to be compared with in a stream
    deciding    what an observation makes of a series, and what a retrieval does
    polling     one look at a node, by all of these
    fetching    one series, retrieved and counted
    puller      threads: a watcher and some fetchers for each node

``contract`` is what a node is; ``dimse_node`` and ``web_node`` are two that speak to real ones.
"""
