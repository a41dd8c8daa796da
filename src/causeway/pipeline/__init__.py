"""The stages: index, completion, policy, deidentify, package, deliver, retire."""
