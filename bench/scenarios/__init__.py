"""What is measured: a module each, a function ``measure(session)`` that gives tables."""
