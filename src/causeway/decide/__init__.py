"""Whether, where and when: attributes, configuration and a time in, a decision out.

Nothing here does anything. The running pipeline decides by this package, and ``causeway explain``
says what it would decide by the same, so that the two cannot differ.
"""
