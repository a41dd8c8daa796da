"""Google services that no emulator has, made from their documentation."""
