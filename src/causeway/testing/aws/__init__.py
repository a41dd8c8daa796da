"""AWS services to test against, where no emulator has them."""
